"""A statement of a hot path, past Django's cursor: making and wrapping one costs 60 to 90 µs, a third of the smallest
statement's time and a fifteenth of a whole step's.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections


def rows(sql: str, values: "Sequence[Any] | Mapping[str, Any]") -> list[tuple[Any, ...]]:
    """Execute one statement on this thread's connection and return its rows; none for one that returns nothing.

    Raises what Django's cursor raises. That cursor is used inside a transaction of Django's, whose rules it keeps, on a
    connection that is not open yet or is to be looked at first, and where somebody wants to see each statement.
    """
    ours: Any = connections[DEFAULT_DB_ALIAS]  # the proxy would look it up again for each of its attributes
    raw = ours.connection
    if raw is None or _django_minds(ours):
        with ours.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchall() if cursor.description else []
    with ours.wrap_database_errors:
        done = raw.execute(sql, values)
        return done.fetchall() if done.description else []


def _django_minds(ours: Any) -> bool:
    return bool(
        ours.in_atomic_block
        or not ours.autocommit
        or (ours.health_check_enabled and not ours.health_check_done)
        or ours.queries_logged
        or ours.execute_wrappers
    )
