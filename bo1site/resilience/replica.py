"""Reads that may be a little old go to a replica when there is one (DB6); everything else never does.

A read may be old only where its caller says so, with ``stale_reads`` or ``read``. Inside a transaction, and in a
request that has written, the primary answers all the same: people see what they have just done. A replica that does not
answer is left alone for ten seconds by the breaker of its pool, and the primary answers meanwhile.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, TypeVar

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections

from bo1site.resilience import metrics
from bo1site.resilience.pools import Pool

log = logging.getLogger(__name__)

R = TypeVar("R")

ALIAS = "replica"
#: Only these apps' tables: who may do what is always asked of the primary.
APPS = frozenset({"board", "llm", "replanning"})

_stale: ContextVar[bool] = ContextVar("stale_reads", default=False)
_wrote: ContextVar[bool] = ContextVar("wrote", default=False)


def configured() -> bool:
    return ALIAS in settings.DATABASES


@contextlib.contextmanager
def stale_reads() -> Iterator[None]:
    """Reads of the block may come from the replica."""
    token = _stale.set(True)
    try:
        yield
    finally:
        _stale.reset(token)


def read(function: Callable[[], R]) -> R:
    """``function()`` with its reads from the replica, or once more from the primary when the replica fails.

    It must only read: it may run twice.
    """
    if not configured():
        return function()
    try:
        with stale_reads():
            return function()
    except (OperationalError, InterfaceError) as error:
        metrics.REPLICA_FALLBACKS.inc()
        log.warning("the replica does not serve (%s); the primary does", error)
        connections[ALIAS].close()
        return function()


class Router:
    """Django's database router."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        if not _stale.get() or _wrote.get() or model._meta.app_label not in APPS or not configured():
            return None
        if connections[DEFAULT_DB_ALIAS].in_atomic_block or not _answers():
            return None
        return ALIAS

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        _wrote.set(True)
        return DEFAULT_DB_ALIAS

    def allow_relation(self, first: Any, second: Any, **hints: Any) -> bool | None:
        return True  # both are one database

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return False if db == ALIAS else None


def _answers() -> bool:
    pool = getattr(connections[ALIAS], "pool", None)
    if isinstance(pool, Pool) and pool.gate.retry_in() > 0:
        metrics.REPLICA_FALLBACKS.inc()
        return False
    return True
