"""Which database errors pass by themselves, and the one way to try a transaction again.

Lock order, for whoever needs more than one: a row of ``board_session`` first, then only rows that hang on it; several
sessions in ascending id, or with SKIP LOCKED. See docs/locking.md.
"""

import functools
from collections.abc import Callable
from typing import Any, Literal, ParamSpec, TypeVar, overload

import psycopg
import stamina
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, OperationalError, connection, connections
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from bo1site.resilience import metrics

P = ParamSpec("P")
R = TypeVar("R")

#: Bounds of a retry: attempts, and seconds for the first wait, the longest wait and everything together.
ATTEMPTS, FIRST_WAIT, LONGEST_WAIT, TOTAL, BATCH_TOTAL = 3, 0.5, 10.0, 30.0, 300.0
#: Up to a tenth of the first wait is added at random, so that two that collided do not collide again.
JITTER = FIRST_WAIT / 10

_AGAIN = {"40P01", "40001"}  # deadlock_detected, serialization_failure
_STATEMENT_TIMEOUT = "57014"  # a retry would only run into it again


class NestedRetry(RuntimeError):
    """``retry_db`` was called inside a transaction: PostgreSQL has aborted it, so trying again cannot work."""


def sqlstate(error: BaseException) -> str:
    """PostgreSQL's five-letter code of an error or of what caused it; empty when there is none."""
    seen: BaseException | None = error
    while seen is not None:
        code = getattr(seen, "sqlstate", None)
        if code:
            return str(code)
        seen = seen.__cause__
    return ""


def is_transient(error: BaseException) -> bool:
    """Whether the same transaction can succeed when it is tried again: connection, pool, deadlock, serialization."""
    if isinstance(error, (PoolTimeout, PoolClosed, TooManyRequests)):
        return True
    if isinstance(error, DatabaseError) and sqlstate(error) in _AGAIN:
        return True
    return isinstance(error, (OperationalError, InterfaceError)) and sqlstate(error) != _STATEMENT_TIMEOUT


@overload
def retry_db(
    function: Callable[P, R], *, batch: bool = ..., nested: Literal["refuse", "join"] = ..., using: str = ...
) -> Callable[P, R]: ...
@overload
def retry_db(
    *, batch: bool = ..., nested: Literal["refuse", "join"] = ..., using: str = ...
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def retry_db(
    function: Callable[P, R] | None = None,
    *,
    batch: bool = False,
    nested: Literal["refuse", "join"] = "refuse",
    using: str = DEFAULT_DB_ALIAS,
) -> Any:
    """Run a function that holds a whole transaction again when it failed for a passing reason (DB1).

    ``batch`` allows five minutes instead of thirty seconds. Inside an outer transaction the function is refused with
    ``NestedRetry``; ``nested="join"`` runs it once instead and leaves trying again to whoever owns the transaction.
    Integrity and programming errors are never retried.
    """

    def decorate(inner: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(inner)
        def outer(*args: P.args, **kwargs: P.kwargs) -> R:
            if _in_transaction(using):
                if nested == "join":
                    return inner(*args, **kwargs)
                raise NestedRetry(f"{inner.__qualname__} was called inside a transaction. Retry around the outer one.")
            for attempt in stamina.retry_context(
                on=is_transient,
                attempts=ATTEMPTS,
                timeout=BATCH_TOTAL if batch else TOTAL,
                wait_initial=FIRST_WAIT,
                wait_max=LONGEST_WAIT,
                wait_jitter=JITTER,
            ):
                with attempt:
                    try:
                        return inner(*args, **kwargs)
                    except BaseException as error:
                        if is_transient(error):
                            metrics.RETRIES.labels(sqlstate(error) or type(error).__name__).inc()
                            drop_broken(using)
                        raise
            raise AssertionError("unreachable: the retry either returns or raises")

        return outer

    return decorate(function) if function else decorate


def drop_broken(using: str = DEFAULT_DB_ALIAS) -> None:
    """Give back this thread's connection when it is beyond use, so that the next query opens a fresh one."""
    connection = connections[using]
    if connection.connection is not None and not connection.in_atomic_block and not connection.is_usable():
        connection.close()


def direct(application: str, *, using: str = DEFAULT_DB_ALIAS) -> psycopg.Connection[Any]:
    """A connection outside Django's pool, in autocommit: for LISTEN, and for what must not wait for the pool."""
    given = connections[using].settings_dict
    options = {key: value for key, value in given["OPTIONS"].items() if key not in _NOT_LIBPQ}
    try:
        return psycopg.connect(
            dbname=given["NAME"],
            user=given["USER"] or None,
            password=given["PASSWORD"] or None,
            host=given["HOST"] or None,
            port=given["PORT"] or None,
            autocommit=True,
            connect_timeout=3,
            **{**options, "application_name": application},
        )
    except psycopg.Error:
        metrics.CONNECT_FAILURES.labels(settings.ROLE).inc()
        raise


#: A statement is prepared when it comes for the first time: a hot path is a handful of them.
PREPARE_AFTER = 0


def keep_plans() -> bool:
    """Open this thread's connection if need be, and have it plan what it repeats only once; return whether it is new.

    For threads that keep their connection and say the same few statements, all by key, again and again: parsing and
    planning them was a third of PostgreSQL's work for a session. Not for connections that a pooler shares.
    """
    if connection.connection is not None:
        return False
    connection.ensure_connection()
    raw: Any = connection.connection
    raw.prepare_threshold = PREPARE_AFTER
    with connection.cursor() as cursor:
        cursor.execute("SET plan_cache_mode = force_generic_plan")
    return True


_NOT_LIBPQ = {"pool", "server_side_binding", "assume_role", "isolation_level", "prepare_threshold"}


def _in_transaction(using: str) -> bool:
    connection = connections[using]
    if not connection.in_atomic_block:
        return False
    blocks = connection.atomic_blocks
    # A test case's own transaction around each test is none of ours (Django's durable=True looks the same way).
    return not (blocks and getattr(blocks[-1], "_from_testcase", False))
