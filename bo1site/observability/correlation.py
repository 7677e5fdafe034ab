"""What belongs together in the logs: one id from a request through the queue and the runner to the call of a model."""

import contextlib
import re
from collections.abc import Iterator
from contextvars import ContextVar
from uuid import uuid4

_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{8,64}")
_current: ContextVar[dict[str, str]] = ContextVar("correlation", default={})  # noqa: B039 (never changed in place)

HEADER = "X-Request-ID"


def new_id(given: str = "") -> str:
    """``given`` by the client or the proxy where it can be an id, else a fresh one."""
    return given if _ACCEPTED.fullmatch(given) else uuid4().hex


def current() -> dict[str, str]:
    """``correlation_id`` and, inside a session's work, ``session_id``."""
    return _current.get()


def correlation_id() -> str:
    return _current.get().get("correlation_id", "")


@contextlib.contextmanager
def bound(**ids: str) -> Iterator[None]:
    """Every log line of the block, also of tasks and threads that inherit its context, carries these ids."""
    token = _current.set({**_current.get(), **{name: value for name, value in ids.items() if value}})
    try:
        yield
    finally:
        _current.reset(token)
