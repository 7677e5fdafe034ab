"""SE1: what a run reads of its session, and how often: its own writing tells it what to read again."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sessions.graph.saver import Saver
from sessions.models import Session
from sessions.reading import TableReader
from sessions.services.control import interject
from sessions.services.start import start
from tests.engine.lab import contribution
from tests.engine.thread import Thread

pytestmark = pytest.mark.django_db(transaction=True)


class Reading:
    """A claimed session, its saver and the reader that the saver tells of what it stores, as a runner joins them."""

    def __init__(self, session: Session) -> None:
        self.thread = Thread(session)
        self.reader = TableReader(session.pk, self._run)
        self.thread.saver = Saver(on_rows=lambda _, tables: self.reader.changed(tables))
        self.thread.put(n=0)

    async def _run(self, query: Callable[[], Any]) -> Any:
        return await sync_to_async(query)()  # back on the test's own thread and connection

    def ask(self, question: Callable[[TableReader], Any], times: int = 1) -> tuple[list[Any], int]:
        """The answers to a question asked so often at the same moment, and the queries that they took."""

        async def asked() -> list[Any]:
            return list(await asyncio.gather(*(question(self.reader) for _ in range(times))))

        with CaptureQueriesContext(connection) as queries:
            answers = async_to_sync(asked)()
        return answers, len(queries)


@pytest.fixture
def reading(make_session: Callable[..., Session]) -> Reading:
    return Reading(start(make_session()))


def claims(rows: list[dict[str, Any]]) -> list[str]:
    return [row["claim"] for row in rows]


def test_rows_are_read_once_until_the_run_stores_others(reading: Reading) -> None:
    thread = reading.thread
    thread.write(("outbox", contribution("r1.ada", 1, "ada", "First")))
    (first,), queries = reading.ask(lambda reader: reader.contributions(0))
    assert (claims(first), queries) == (["First"], 1)
    (again,), queries = reading.ask(lambda reader: reader.contributions(0))
    assert (again, queries) == (first, 0)
    thread.write(("outbox", contribution("r1.bob", 1, "bob", "Second")), task="other")
    (both,), queries = reading.ask(lambda reader: reader.contributions(0))
    assert (claims(both), queries) == (["First", "Second"], 1)


def test_what_a_task_alone_has_written_is_read_once_its_checkpoint_is_stored(reading: Reading) -> None:
    thread = reading.thread
    assert reading.ask(lambda reader: reader.contributions(0))[0] == [[]]
    thread.write(("outbox", contribution("r1.ada", 1, "ada", "First")), path="~__pregel_pull, assess")
    thread.put(n=1)
    (found,), _ = reading.ask(lambda reader: reader.contributions(0))
    assert claims(found) == ["First"]


def test_rows_that_only_the_checkpoint_carries_are_read_after_it(reading: Reading) -> None:
    assert reading.ask(lambda reader: reader.contributions(0))[0] == [[]]
    reading.thread.put(n=1, outbox=contribution("r1.ada", 1, "ada", "First"))
    (found,), _ = reading.ask(lambda reader: reader.contributions(0))
    assert claims(found) == ["First"]


def test_a_change_of_one_table_leaves_the_others_as_they_were_read(reading: Reading) -> None:
    reading.ask(lambda reader: reader.assessments(0))
    reading.thread.write(("outbox", contribution("r1.ada", 1, "ada")))
    _, queries = reading.ask(lambda reader: reader.assessments(0))
    assert queries == 0


def test_an_answer_that_was_asked_for_before_a_change_is_not_kept_after_it(reading: Reading) -> None:
    async def overtaken() -> list[str]:
        early = asyncio.ensure_future(reading.reader.contributions(0))
        await asyncio.sleep(0)  # it has asked, and nothing has answered yet
        await sync_to_async(reading.thread.write)(("outbox", contribution("r1.ada", 1, "ada", "First")))
        await early
        return claims(await reading.reader.contributions(0))

    assert async_to_sync(overtaken)() == ["First"]


def test_whoever_changes_the_rows_it_was_given_changes_nobody_elses(reading: Reading) -> None:
    reading.thread.write(("outbox", contribution("r1.ada", 1, "ada", "First")))
    (rows,), _ = reading.ask(lambda reader: reader.contributions(0))
    rows[0]["claim"] = "Forged"
    (again,), _ = reading.ask(lambda reader: reader.contributions(0))
    assert claims(again) == ["First"]


def test_what_the_owner_says_is_in_the_brief_of_the_next_step(reading: Reading) -> None:
    session = reading.thread.session
    (brief,), _ = reading.ask(lambda reader: reader.brief())
    assert brief.interjections == []
    interject(session, session.owner, "The landlord has just called.")
    (brief,), queries = reading.ask(lambda reader: reader.brief())
    assert (brief.interjections, queries) == (["The landlord has just called."], 1)


def test_a_first_step_reads_the_decision_and_what_may_change_in_one_statement(reading: Reading) -> None:
    interject(reading.thread.session, reading.thread.session.owner, "The landlord has just called.")
    (brief,), queries = reading.ask(lambda reader: reader.brief())
    assert (brief.problem, brief.interjections) == (
        reading.thread.session.problem_statement,
        ["The landlord has just called."],
    )
    assert queries == 1


def test_what_was_read_long_before_the_first_step_is_read_again(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessions.reading._JUST_READ", 0.0)
    reading.ask(lambda reader: reader.personas())
    interject(reading.thread.session, reading.thread.session.owner, "The landlord has just called.")
    (brief,), _ = reading.ask(lambda reader: reader.brief())
    assert brief.interjections == ["The landlord has just called."]


def test_a_cap_that_is_lowered_meanwhile_is_in_the_brief_of_the_next_step(reading: Reading) -> None:
    reading.ask(lambda reader: reader.brief())
    Session.objects.filter(pk=reading.thread.session.pk).update(cost_cap="0.25")
    (brief,), _ = reading.ask(lambda reader: reader.brief())
    assert brief.cost_cap == 0.25


def test_those_who_ask_at_the_same_moment_share_one_query(reading: Reading) -> None:
    reading.ask(lambda reader: reader.brief())
    answers, queries = reading.ask(lambda reader: reader.brief(), times=5)
    assert len(answers) == 5
    assert queries == 1


def test_a_thread_that_nobody_has_driven_is_known_to_be_empty_until_something_is_stored(
    make_session: Callable[..., Session],
) -> None:
    thread = Thread(start(make_session()))
    thread.saver.begin(str(thread.session.pk), empty=True)
    with CaptureQueriesContext(connection) as asked:
        assert thread.saver.get_tuple(thread.config()) is None
    assert len(asked) == 0
    thread.put(n=1)
    found = thread.saver.get_tuple(thread.config())
    assert found
    assert found.checkpoint["channel_values"] == {"n": 1}


def test_a_thread_that_is_claimed_again_is_looked_up(make_session: Callable[..., Session]) -> None:
    thread = Thread(start(make_session()))
    thread.put(n=1)
    thread.saver.begin(str(thread.session.pk), empty=False)
    assert thread.saver.get_tuple(thread.config())
