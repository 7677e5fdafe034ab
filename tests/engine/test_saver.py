"""SE1, DB5: what the saver must never do; each test kills a mutant that LangGraph's own suite lets live."""

import json
import logging
from typing import Any

import pytest
from django.db import connection
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.types import Interrupt

from sessions.events import LeaseLost
from sessions.graph import drafts
from sessions.graph.saver import Saver
from sessions.models import Checkpoint, CheckpointBlob, CheckpointWrite, Contribution, Event
from tests.engine.lab import contribution, story
from tests.engine.thread import Thread

pytestmark = pytest.mark.django_db(transaction=True)


def test_pending_writes_come_back_in_the_order_of_task_path_task_and_position(thread: Thread) -> None:
    # Neither the order of writing nor that of the tasks' names is the right one.
    thread.write(("a", 3), ("b", 4), task="mm", path="~b")
    thread.write(("a", 1), ("b", 2), task="zz", path="~a")
    thread.write(("a", 0), task="nn", path="")
    assert [value for _, _, value in thread.pending()] == [0, 1, 2, 3, 4]


def test_versions_of_two_branches_never_meet(thread: Thread) -> None:
    versions = {thread.saver.get_next_version("00000000000000000000000000000004.5", None) for _ in range(50)}
    assert len(versions) == 50
    assert all(version.startswith("0" * 31 + "5.") for version in versions)


def test_two_branches_from_one_checkpoint_keep_their_own_values(thread: Thread) -> None:
    base = thread.newest
    first = thread.put(n="first")
    thread.newest = base
    second = thread.put(n="second")
    values = [thread.saver.get_tuple(thread.config(key)).checkpoint["channel_values"] for key in (first, second)]  # type: ignore[union-attr]
    assert values == [{"n": "first"}, {"n": "second"}]


def test_a_special_write_replaces_the_one_before_it(thread: Thread) -> None:
    thread.write(("__interrupt__", [Interrupt(value="old", id="1")]))
    thread.write(("__interrupt__", [Interrupt(value="new", id="2")]))
    ((_, _, (interrupt,)),) = thread.pending()
    assert interrupt.value == "new"


def test_an_ordinary_write_is_never_replaced(thread: Thread) -> None:
    thread.write(("a", "first"))
    thread.write(("a", "second"))
    assert [value for _, _, value in thread.pending()] == ["first"]


def test_a_task_that_failed_keeps_no_ordinary_write(thread: Thread) -> None:
    thread.write(("a", 1), ("outbox", contribution("k", 1, "p")), ("__error__", RuntimeError("router")))
    assert [channel for _, channel, _ in thread.pending()] == ["__error__"]
    assert Contribution.objects.count() == 0


def test_pruning_keeps_the_newest_checkpoint_with_all_its_values(thread: Thread) -> None:
    old = thread.put(n="old")
    newest = thread.put(n="new", said={"a": "b"})
    thread.write(("a", 1))
    thread.saver.prune([str(thread.session.pk)])
    assert thread.saver.get_tuple(thread.config(old)) is None
    found = thread.saver.get_tuple(thread.config(newest))
    assert found
    assert found.checkpoint["channel_values"] == {"n": "new", "said": {"a": "b"}}
    assert found.pending_writes
    assert CheckpointBlob.objects.count() == 2


def test_an_unchanged_value_is_stored_once(thread: Thread) -> None:
    checkpoint = empty_checkpoint()
    version = thread.saver.get_next_version(None, None)
    checkpoint["channel_values"], checkpoint["channel_versions"] = {"text": "long"}, {"text": version}
    thread.saver.put(thread.config(), checkpoint, {}, {"text": version})
    again = {**empty_checkpoint(), "channel_values": {"text": "long"}, "channel_versions": {"text": version}}
    thread.saver.put(thread.config(), again, {}, {})  # type: ignore[arg-type]
    assert CheckpointBlob.objects.filter(channel="text").count() == 1


def test_rows_and_events_are_there_as_soon_as_the_task_is_done_and_once_only(thread: Thread) -> None:
    said = contribution("r1:p0", 1, "p0")
    thread.write(("outbox", said))
    assert Contribution.objects.get().key == "r1:p0"
    thread.write(("outbox", said))  # delivered again
    thread.put(outbox=said)  # and with the step
    Saver().put(thread.config(), {**empty_checkpoint(), "channel_values": {"outbox": said}}, {}, {})  # type: ignore[arg-type]
    assert Contribution.objects.count() == 1
    assert story(thread.session).count("contribution") == 1


def test_writes_that_come_after_their_step_do_not_turn_the_session_back(thread: Thread) -> None:
    early = thread.newest
    late = [drafts.session(round=1)]
    thread.put(outbox=late)
    thread.put(outbox=[drafts.session(round=2)])
    thread.saver.put_writes(thread.config(early), [("outbox", late)], "task")
    thread.session.refresh_from_db()
    assert thread.session.round == 2


def test_what_is_stored_again_after_an_answer_of_the_database_was_lost_is_stored_once(thread: Thread) -> None:
    said = [*contribution("a", 1, "p0"), *contribution("b", 1, "p1")]
    thread.write(("outbox", said[:2]))
    thread.saver = Saver()  # a process that does not know what it has stored
    thread.write(("outbox", said))
    thread.put(outbox=said)
    assert set(Contribution.objects.values_list("key", flat=True)) == {"a", "b"}
    assert story(thread.session).count("contribution") == 2
    assert not Event.objects.filter(type="item_rejected").exists()
    sequences = list(Event.objects.order_by("sequence").values_list("sequence", flat=True))
    assert sequences == list(range(1, len(sequences) + 1))


def test_a_bad_item_is_reported_and_every_other_one_is_kept(thread: Thread) -> None:
    items: list[Any] = []
    for number in range(100):
        items += contribution(f"k{number}", 1, f"p{number}")
    items[2 * 41]["data"]["round"] = -1  # the database refuses it
    items[2 * 73]["data"]["no_such_column"] = 1
    items[2 * 99 + 1]["data"].pop("claim")  # an event that breaks its contract
    thread.write(("outbox", items))
    assert Contribution.objects.count() == 98
    refused = Event.objects.filter(type="item_rejected").order_by("sequence")
    assert [(event.data["kind"], event.data["key"]) for event in refused] == [
        ("row", "k41"),
        ("row", "k73"),
        ("event", "k99"),
    ]
    assert story(thread.session).count("contribution") == 99
    assert len(thread.pending()) == 1, "the paid answer is kept"


def test_a_lost_lease_can_write_nothing(thread: Thread) -> None:
    before = CheckpointWrite.objects.count(), Checkpoint.objects.count(), Event.objects.count()
    with pytest.raises(LeaseLost):
        thread.write(("outbox", contribution("k", 1, "p")), fence=thread.fence - 1)
    thread.fence -= 1
    with pytest.raises(LeaseLost):
        thread.put(n=5, outbox=contribution("k", 1, "p"))
    assert (CheckpointWrite.objects.count(), Checkpoint.objects.count(), Event.objects.count()) == before


def test_a_lost_lease_stores_no_checkpoint(thread: Thread) -> None:
    """A checkpoint without drafts goes another way than one with some: one statement, which proves the fence itself."""
    before = Checkpoint.objects.count(), CheckpointBlob.objects.count()
    thread.fence -= 1
    with pytest.raises(LeaseLost):
        thread.put(n=5)
    assert (Checkpoint.objects.count(), CheckpointBlob.objects.count()) == before


def test_the_end_commits_with_the_last_checkpoint_and_not_before(thread: Thread) -> None:
    end = [drafts.end("Stay", 0.7)]
    thread.write(("outbox", end))
    thread.session.refresh_from_db()
    assert thread.session.status == "running"
    thread.put(outbox=end)
    thread.session.refresh_from_db()
    assert thread.session.status == "completed"
    with pytest.raises(LeaseLost):
        thread.put(n=9)


HOSTILE = "NUL \x00, lone \ud800 surrogate, " + "long " * 200_000


def test_nul_nan_surrogates_and_a_megabyte_of_text_pass_unharmed(thread: Thread) -> None:
    said = contribution("k", 1, "p", HOSTILE)
    said[1]["data"]["confidence"] = 0.5
    thread.write(("outbox", said), ("n", {"text": HOSTILE.replace("\ud800", ""), "number": float("nan")}))
    thread.put(n=HOSTILE.replace("\ud800", ""))
    row = Contribution.objects.get()
    assert "\x00" not in row.claim
    assert "\ufffd" in row.claim
    assert len(row.claim) > 1_000_000
    found = thread.saver.get_tuple(thread.config())
    assert found
    assert found.checkpoint["channel_values"]["n"] == HOSTILE.replace("\ud800", "")
    story(thread.session)


def test_metadata_that_jsonb_refuses_is_cleaned(thread: Thread) -> None:
    metadata: Any = {"source": "loop", "step": 1, "odd": "a\x00b", "number": float("inf")}
    thread.saver.put(thread.config(), empty_checkpoint(), metadata, {})
    assert Checkpoint.objects.latest("pk").metadata["odd"] == "ab"


def test_a_crafted_checkpoint_row_runs_no_code(thread: Thread, tmp_path: Any, caplog: pytest.LogCaptureFixture) -> None:
    import ormsgpack

    mark = tmp_path / "ran"
    # LangGraph's extension 0: call a class by module and name with one argument.
    attack = ormsgpack.packb(ormsgpack.Ext(0, ormsgpack.packb(("subprocess", "check_call", ["touch", str(mark)]))))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE board_checkpointblob SET type = 'msgpack', blob = %s", [attack])
    with caplog.at_level(logging.CRITICAL):
        thread.saver.get_tuple(thread.config())
    assert not mark.exists()


def test_metadata_says_under_which_claim_a_checkpoint_was_made(thread: Thread) -> None:
    assert json.loads(json.dumps(Checkpoint.objects.latest("pk").metadata))["fence"] == thread.fence
