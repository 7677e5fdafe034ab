"""DB1: a statement that goes past Django's cursor behaves as one that does not."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DataError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from bo1site.resilience import statement

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def opened() -> Iterator[None]:
    connection.ensure_connection()
    yield
    connection.close()


@pytest.fixture
def cursors(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A mark for each of Django's cursors that is made."""
    made: list[int] = []
    wrapper: Any = type(connection._connections[connection._alias])  # type: ignore[attr-defined]
    whole = wrapper.cursor

    def cursor(self: Any) -> Any:
        made.append(1)
        return whole(self)

    monkeypatch.setattr(wrapper, "cursor", cursor)
    return made


def test_rows_come_back_without_djangos_cursor(cursors: list[int]) -> None:
    assert statement.rows("SELECT %s::int, 'a' UNION SELECT 2, 'b' ORDER BY 1", [1]) == [(1, "a"), (2, "b")]
    assert statement.rows("SET LOCAL lock_timeout = 0", ()) == []
    assert cursors == []


def test_values_may_have_names() -> None:
    assert statement.rows("SELECT %(a)s::int + %(a)s::int", {"a": 2}) == [(4,)]


def test_errors_are_djangos() -> None:
    with pytest.raises(DataError):
        statement.rows("SELECT 1 / %s::int", [0])
    assert statement.rows("SELECT %s::int", [1]) == [(1,)]


def test_inside_a_transaction_it_is_part_of_it(cursors: list[int]) -> None:
    with transaction.atomic():
        statement.rows("CREATE TABLE left_behind (n int)", ())
        transaction.set_rollback(True)
    assert statement.rows("SELECT to_regclass('left_behind')", ()) == [(None,)]
    assert len(cursors) == 1


def test_a_transaction_that_is_spoilt_takes_no_more_statements() -> None:
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(transaction.TransactionManagementError):
            statement.rows("SELECT 1", ())


def test_whoever_counts_statements_sees_them() -> None:
    with CaptureQueriesContext(connection) as seen:
        statement.rows("SELECT %s::int", [1])
    assert len(seen) == 1


def test_a_thread_without_a_connection_opens_one() -> None:
    found: list[Any] = []

    def ask() -> None:
        found.extend(statement.rows("SELECT %s::int", [7]))
        connection.close()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join(10)
    assert found == [(7,)]


def test_a_lost_connection_is_an_operational_error_and_the_next_one_is_looked_at_first() -> None:
    ((pid,),) = statement.rows("SELECT pg_backend_pid()", ())

    def cut() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        connection.close()

    thread = threading.Thread(target=cut)
    thread.start()
    thread.join(10)
    with pytest.raises(OperationalError):
        statement.rows("SELECT 1", ())
    connection.close_if_unusable_or_obsolete()
    assert statement.rows("SELECT %s::int", [1]) == [(1,)]
