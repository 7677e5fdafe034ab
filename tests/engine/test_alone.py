"""SE1: what the saver keeps back, of a task without companions and of a thread's first steps, for a checkpoint."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.types import Interrupt

from sessions.events import LeaseLost
from sessions.graph import at_once, drafts
from sessions.graph.saver import Saver
from sessions.models import Checkpoint, CheckpointWrite, Contribution, Event, Session
from sessions.services.start import start
from tests.engine.lab import Lab, contribution, story
from tests.engine.thread import Thread

pytestmark = pytest.mark.django_db(transaction=True)

#: The path of a task that an edge has called.
ALONE = "~__pregel_pull, node"


def test_what_a_task_alone_has_drafted_is_stored_with_its_checkpoint_in_one_statement(thread: Thread) -> None:
    said = [*contribution("r1:p0", 1, "p0"), drafts.session(round=4)]
    thread.write(("said", "x"), ("outbox", said), path=ALONE)
    assert not Contribution.objects.exists()
    with CaptureQueriesContext(connection) as statements:
        thread.put(n=1, outbox=said)
    assert len(statements) == 1
    assert Contribution.objects.get().key == "r1:p0"
    assert story(thread.session).count("contribution") == 1
    assert thread.session.round == 4
    assert not CheckpointWrite.objects.exists(), "its writes are what the checkpoint is made of"


def test_a_bad_item_of_a_task_alone_is_reported_and_every_other_one_is_kept(thread: Thread) -> None:
    said = [*contribution("good", 1, "p0"), *contribution("bad", 1, "p1")]
    said[2]["data"]["round"] = -1  # the database refuses it
    thread.write(("outbox", said), path=ALONE)
    thread.put(n=1, outbox=said)
    assert Contribution.objects.get().key == "good"
    assert [event.data["key"] for event in Event.objects.filter(type="item_rejected")] == ["bad"]
    assert not CheckpointWrite.objects.exists()


def test_what_two_tasks_alone_have_drafted_is_stored_with_their_checkpoint(thread: Thread) -> None:
    first, second = contribution("a", 1, "p0"), contribution("b", 1, "p1")
    thread.write(("outbox", first), task="one", path=ALONE)
    thread.write(("outbox", first), task="one", path=ALONE)  # delivered again
    thread.write(("outbox", second), task="two", path=ALONE)
    thread.put(outbox=[*first, *second])
    assert set(Contribution.objects.values_list("key", flat=True)) == {"a", "b"}
    assert not CheckpointWrite.objects.exists()
    assert story(thread.session).count("contribution") == 2


def test_what_a_task_alone_has_drafted_goes_with_the_end(thread: Thread) -> None:
    said = [*contribution("last", 1, "p0"), drafts.end("Stay", 0.7)]
    thread.write(("outbox", said), path=ALONE)
    thread.put(outbox=said)
    thread.session.refresh_from_db()
    assert thread.session.status == "completed"
    assert Contribution.objects.get().key == "last"
    assert not CheckpointWrite.objects.exists()


def test_a_checkpoint_that_is_stored_again_after_an_answer_of_the_database_was_lost_is_stored_once(
    thread: Thread,
) -> None:
    said = [*contribution("a", 1, "p0"), drafts.session(round=3)]
    checkpoint = {**empty_checkpoint(), "channel_values": {"n": 7, "outbox": said}}
    versions: Any = {name: thread.saver.get_next_version(None, None) for name in ("n", "outbox")}
    checkpoint["channel_versions"] = versions
    for saver in (thread.saver, Saver()):  # the second does not know what the first has stored
        saver.put_writes(thread.config(), [("outbox", said)], "task", ALONE)
        saver.put(thread.config(), checkpoint, {"source": "loop", "step": 1}, versions)  # type: ignore[arg-type]
    found = Saver().get_tuple(thread.config(checkpoint["id"]))
    assert found
    assert found.checkpoint["channel_values"] == {"n": 7}, "what was drafted is rows and events now"
    assert Checkpoint.objects.filter(checkpoint_id=checkpoint["id"]).count() == 1
    assert Contribution.objects.get().key == "a"
    assert story(thread.session).count("contribution") == 1
    assert thread.session.round == 3


def test_the_first_checkpoints_of_a_new_thread_are_stored_with_that_of_its_first_node(new: Thread) -> None:
    first = new.put(step=-1, n=0)
    new.write(("n", 1), task="__start__", path="~__pregel_pull, __start__")
    second = new.put(step=0, n=1)
    assert not Checkpoint.objects.exists()
    assert Saver().get_tuple(new.config()) is None, "whoever comes now begins anew"
    said = contribution("a", 1, "p0")
    new.write(("outbox", said), path=ALONE)
    with CaptureQueriesContext(connection) as statements:
        third = new.put(n=2, outbox=said)
    assert len(statements) == 1
    stored = [(row.checkpoint_id, row.parent_checkpoint_id) for row in Checkpoint.objects.order_by("checkpoint_id")]
    assert stored == [(first, None), (second, first), (third, second)]
    values = [found.checkpoint["channel_values"]["n"] for found in Saver().list(new.config(first))]
    assert values == [0]
    assert not CheckpointWrite.objects.exists()
    assert story(new.session)[-1] == "contribution"


def test_what_waits_is_stored_before_what_a_task_of_several_has_written(new: Thread) -> None:
    new.put(step=-1, n=0)
    new.write(("n", 1), task="__start__", path="~__pregel_pull, __start__")
    new.put(step=0, n=1)
    new.write(("n", 2), path="~__pregel_push, 0000000001")
    assert Checkpoint.objects.count() == 2
    assert [channel for _, channel, _ in new.pending()] == ["n"]
    assert CheckpointWrite.objects.count() == 1
    new.put(n=3)
    assert Checkpoint.objects.count() == 3


def test_what_waits_is_stored_before_the_failure_of_the_first_node(new: Thread) -> None:
    new.put(step=-1, n=0)
    new.put(step=0, n=1)
    new.write(("__error__", "ValueError"), path=ALONE)
    assert [channel for _, channel, _ in new.pending()] == ["__error__"]


def test_what_waits_of_a_lost_lease_is_never_stored(new: Thread) -> None:
    new.put(step=-1, n=0)
    new.fence -= 1
    with pytest.raises(LeaseLost):
        new.put(n=1)
    with pytest.raises(LeaseLost):
        new.write(("n", 2), path="~__pregel_push, 0000000001")
    assert not Checkpoint.objects.exists()


def test_a_question_of_a_task_alone_is_stored_at_once(thread: Thread) -> None:
    thread.write(("__interrupt__", [Interrupt({"questions": ["Why?"]}, id="i")]), path=ALONE)
    assert [channel for _, channel, _ in thread.pending()] == ["__interrupt__"]


def test_a_lost_lease_stores_nothing_of_what_a_task_alone_has_drafted(thread: Thread) -> None:
    before = CheckpointWrite.objects.count(), Checkpoint.objects.count(), Event.objects.count()
    said = contribution("k", 1, "p")
    thread.fence -= 1
    thread.write(("outbox", said), path=ALONE)
    with pytest.raises(LeaseLost):
        thread.put(n=5, outbox=said)
    assert (CheckpointWrite.objects.count(), Checkpoint.objects.count(), Event.objects.count()) == before
    assert not Contribution.objects.exists()


def test_langgraph_still_names_the_tasks_that_are_alone_as_we_know_them(
    make_session: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is LangGraph's own. Under another one all is stored as well, in twice as many statements."""
    paths: list[str] = []
    whole = at_once.write

    def noted(session_id: str, fence: int, writes: at_once.Writes) -> None:
        paths.append(writes.place[4].partition(",")[0])
        whole(session_id, fence, writes)

    monkeypatch.setattr(at_once, "write", noted)
    session = start(make_session())
    Lab(steps=2, personas=2).run_to_rest()
    assert story(session)[-1] == "session_completed"
    assert paths == ["~__pregel_push"] * 4
