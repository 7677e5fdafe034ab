"""DB1: a transaction that failed for a passing reason is tried again, whole; anything else is not."""

import threading
import time
from collections.abc import Callable

import psycopg
import pytest
import stamina
from django.db import IntegrityError, OperationalError, connection, transaction
from psycopg_pool import PoolTimeout

from bo1site.resilience import database
from bo1site.resilience.database import NestedRetry, is_transient, retry_db, sqlstate
from sessions.models import AuditEntry, Session


@pytest.fixture
def pair(transactional_db: None, make_session: Callable[..., Session]) -> tuple[Session, Session]:
    return make_session(), make_session()


def in_two_threads(first: Callable[[], None], second: Callable[[], None]) -> list[BaseException]:
    """Run both at once, each on a connection of its own; return what they raised."""
    raised: list[BaseException] = []

    def run(function: Callable[[], None]) -> None:
        try:
            function()
        except BaseException as error:
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(function,)) for function in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return raised


def test_two_connections_made_to_deadlock_both_end_committed(pair: tuple[Session, Session]) -> None:
    meeting = threading.Barrier(2)
    attempts: list[str] = []

    def crossing(name: str, mine: Session, other: Session) -> Callable[[], None]:
        @retry_db
        def move() -> None:
            attempts.append(name)
            with transaction.atomic():
                Session.objects.filter(pk=mine.pk).update(title=name)
                if attempts.count(name) == 1:
                    meeting.wait(10)  # both hold one row now and want the other's
                Session.objects.filter(pk=other.pk).update(context=name)

        return move

    assert in_two_threads(crossing("a", *pair), crossing("b", *reversed(pair))) == []
    assert len(attempts) == 3, "one of the two was chosen as victim, and tried again"
    for session in pair:
        session.refresh_from_db()
    assert {session.title for session in pair} == {"a", "b"}
    assert {session.context for session in pair} == {"a", "b"}


def test_a_serialization_conflict_is_tried_again_as_a_whole(pair: tuple[Session, Session]) -> None:
    meeting = threading.Barrier(2)
    attempts: list[str] = []

    def counting(name: str) -> Callable[[], None]:
        @retry_db
        def count() -> None:
            attempts.append(name)
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
                seen = AuditEntry.objects.filter(action="count").count()
                if attempts.count(name) == 1:
                    meeting.wait(10)
                AuditEntry.objects.create(actor=name, action="count", object_type="x", object_id=str(seen))

        return count

    assert in_two_threads(counting("a"), counting("b")) == []
    assert len(attempts) == 3
    assert sorted(AuditEntry.objects.values_list("object_id", flat=True)) == ["0", "1"]


def test_it_refuses_to_run_inside_a_transaction(transactional_db: None) -> None:
    @retry_db
    def work() -> str:
        return "done"

    with transaction.atomic(), pytest.raises(NestedRetry):
        work()
    assert work() == "done"


def test_a_service_joins_the_transaction_of_its_caller_and_is_not_tried_again_in_it(transactional_db: None) -> None:
    calls = []

    @retry_db(nested="join")
    def work() -> None:
        calls.append(1)
        raise OperationalError("away")

    with pytest.raises(OperationalError), transaction.atomic():
        work()
    assert len(calls) == 1


def test_an_integrity_error_is_never_tried_again(transactional_db: None) -> None:
    calls = []

    @retry_db
    def work() -> None:
        calls.append(1)
        raise IntegrityError("twice")

    with pytest.raises(IntegrityError):
        work()
    assert len(calls) == 1


def test_a_statement_that_ran_out_of_time_is_not_tried_again(transactional_db: None) -> None:
    calls = []

    @retry_db
    def work() -> None:
        calls.append(1)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 20")
            cursor.execute("SELECT pg_sleep(5)")

    with pytest.raises(OperationalError) as cut:
        work()
    assert sqlstate(cut.value) == "57014"
    assert len(calls) == 1


def test_a_lost_connection_is_replaced_and_the_work_done(transactional_db: None) -> None:
    calls = []

    @retry_db
    def work() -> int:
        calls.append(1)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pid = cursor.fetchone()[0]
            if len(calls) == 1:
                with database.direct("axe") as axe:
                    axe.execute("SELECT pg_terminate_backend(%s)", [pid])
            cursor.execute("SELECT 1")
            return int(cursor.fetchone()[0])

    assert work() == 1
    assert len(calls) == 2


def test_three_attempts_and_no_more(transactional_db: None) -> None:
    calls: list[float] = []

    @retry_db
    def work() -> None:
        calls.append(time.monotonic())
        raise OperationalError("away")

    with pytest.raises(OperationalError):
        work()
    assert len(calls) == database.ATTEMPTS == 3
    first, second = calls[1] - calls[0], calls[2] - calls[1]
    assert 0.5 <= first < 0.8
    assert 1.0 <= second < 1.4


def test_waits_can_be_switched_off_for_tests(transactional_db: None) -> None:
    calls = []

    @retry_db
    def work() -> None:
        calls.append(1)
        raise OperationalError("away")

    with stamina.set_testing(True, attempts=2), pytest.raises(OperationalError):
        work()
    assert len(calls) == 2


def test_an_exhausted_pool_passes_by_itself() -> None:
    assert is_transient(PoolTimeout("no connection within 5 s"))
    assert not is_transient(psycopg.ProgrammingError("no such table"))
