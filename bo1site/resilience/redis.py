"""The state of the way to Redis: when to try again, and whether it is worth asking at all (RD1, RD2).

Redis is a fast path and nothing else; docs/redis.md lists each use and what it falls back to. Whoever uses it asks the
link before and tells it after. A failure makes everybody in this process wait 1 s, 2 s, 4 s … 30 s before the next
attempt, with jitter; five in a row open the breaker, which then lets one probe through at a time. Nothing here waits by
itself, so nothing here can block an event loop.
"""

import contextlib
import logging
import random
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from enum import StrEnum
from typing import Any

from django.conf import settings

from bo1site.resilience import metrics
from bo1site.resilience.breaker import Phase, Rules
from bo1site.resilience.gate import Gate, Refused

log = logging.getLogger(__name__)

#: Seconds: the first pause after a failure, the longest, and what each is multiplied by.
FIRST_PAUSE, LONGEST_PAUSE, FACTOR = 1.0, 30.0, 2.0
#: Seconds one use of Redis may take at most.
PATIENCE = 2.0


class State(StrEnum):
    UNUSED = "not configured"
    UNTRIED = "not tried yet"
    UP = "up"
    DOWN = "down"


class Unavailable(Exception):
    """Redis is not asked now; use the fallback."""


class Link:
    """One a process. Thread-safe. ``state`` is for people; ``pause`` says how long to wait before the next attempt."""

    def __init__(self, *, configured: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self.gate = Gate("redis", Rules(cooldown=LONGEST_PAUSE, lease=PATIENCE * 2), clock=clock)
        self.state = State.UNTRIED if configured else State.UNUSED
        self.reason = ""
        self._failures = 0
        self._not_before = 0.0
        metrics.REDIS_CONFIGURED.set(int(configured))
        metrics.REDIS_UP.labels(settings.ROLE).set(int(configured))  # until somebody has found otherwise

    def pause(self) -> float:
        """Seconds until the next attempt is due; 0 when it may be made now."""
        return max(0.0, self._not_before - self._clock(), self.gate.retry_in())

    @contextlib.asynccontextmanager
    async def use(self) -> AsyncIterator[None]:
        """Around one use. Raises ``Unavailable`` at once while Redis is left alone, and for any failure inside."""
        with self.used():
            yield

    @contextlib.contextmanager
    def used(self) -> Iterator[None]:
        """The same for code that is not asynchronous. It waits for what happens inside, and for nothing else."""
        if self.state is State.UNUSED or (self.gate.state.phase is Phase.CLOSED and self.pause() > 0):
            raise Unavailable(self.reason or "not configured")
        try:
            ticket, _ = self.gate.enter()
        except Refused as refused:
            raise Unavailable(str(refused)) from None
        try:
            yield
        except Exception as error:
            self.failed(error, ticket)
            raise Unavailable(self.reason) from error
        except BaseException:
            self.gate.released(ticket)
            raise
        self.succeeded(ticket)

    def succeeded(self, ticket: str = "") -> None:
        self.gate.succeeded(ticket)
        with self._lock:
            if self.state is State.DOWN:
                log.info("Redis answers again")
            self.state, self.reason, self._failures, self._not_before = State.UP, "", 0, 0.0
        metrics.REDIS_UP.labels(settings.ROLE).set(1)
        self._tell()

    def failed(self, error: BaseException, ticket: str = "") -> None:
        self.gate.failed(ticket, f"{type(error).__name__}: {error}")
        with self._lock:
            if self.state is not State.DOWN:
                log.warning("Redis does not serve, PostgreSQL does: %r", error)
            self.state, self.reason = State.DOWN, f"{type(error).__name__}: {error}"[:200]
            wait = min(LONGEST_PAUSE, FIRST_PAUSE * FACTOR**self._failures)
            self._failures = min(self._failures + 1, 10)
            self._not_before = self._clock() + wait * random.uniform(0.8, 1.0)  # noqa: S311
        metrics.REDIS_UP.labels(settings.ROLE).set(0)
        self._tell()

    @staticmethod
    def _tell() -> None:
        for tell in _told:
            tell()

    def shown(self) -> dict[str, Any]:
        """For /health/detail and the operations page."""
        return {
            "state": self.state.value,
            "breaker": self.gate.state.phase.value,
            "reason": self.reason,
            "next_attempt_in": round(self.pause(), 1),
        }


_told: list[Callable[[], None]] = []


def on_tried(tell: Callable[[], None]) -> None:
    """Have ``tell`` called whenever a use of Redis has succeeded or failed in this process; it must not wait."""
    _told.append(tell)


_link: Link | None = None
_making = threading.Lock()


def link() -> Link:
    """This process' link."""
    global _link
    with _making:
        if _link is None:
            _link = Link(configured=bool(settings.REDIS_URL))
    return _link


def is_down() -> bool:
    """Whether a Redis is configured and known not to answer."""
    return link().state is State.DOWN
