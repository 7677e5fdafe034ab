"""SE1, DB5: what the saver must never do; each test kills a mutant that LangGraph's own suite lets live."""

import json
import logging
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
from sessions.models import Checkpoint, CheckpointBlob, CheckpointWrite, Contribution, Event, Session
from sessions.runner import identity, lease
from sessions.services.start import start
from tests.engine.lab import Lab, contribution, story

pytestmark = pytest.mark.django_db(transaction=True)


class Thread:
    """A claimed session and its saver, driven by hand."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.fence = lease.claim(identity.owner(), 1, only=session.pk)[0].fence
        self.saver = Saver()
        self.newest: str | None = None

    def config(self, checkpoint_id: str | None = None, fence: int | None = None) -> Any:
        return {
            "configurable": {
                "thread_id": str(self.session.pk),
                "checkpoint_ns": "",
                "checkpoint_id": checkpoint_id or self.newest,
                "fence": self.fence if fence is None else fence,
            }
        }

    def put(self, *, step: int = 1, **values: Any) -> str:
        checkpoint = empty_checkpoint()
        versions: Any = {name: self.saver.get_next_version(None, None) for name in values}
        checkpoint["channel_values"], checkpoint["channel_versions"] = values, versions
        stored = self.saver.put(self.config(), checkpoint, {"source": "loop", "step": step}, versions)
        self.newest = stored["configurable"]["checkpoint_id"]
        assert self.newest
        return self.newest

    def write(self, *writes: tuple[str, Any], task: str = "task", path: str = "", fence: int | None = None) -> None:
        self.saver.put_writes(self.config(fence=fence), writes, task, path)

    def pending(self) -> list[Any]:
        found = self.saver.get_tuple(self.config())
        assert found
        return found.pending_writes or []


@pytest.fixture
def thread(make_session: Callable[..., Session]) -> Thread:
    held = Thread(start(make_session()))
    held.put(n=0)
    return held


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


def test_what_two_tasks_alone_have_drafted_is_stored_with_their_checkpoint(thread: Thread) -> None:
    first, second = contribution("a", 1, "p0"), contribution("b", 1, "p1")
    thread.write(("outbox", first), task="one", path=ALONE)
    thread.write(("outbox", first), task="one", path=ALONE)  # delivered again
    thread.write(("outbox", second), task="two", path=ALONE)
    thread.put(outbox=[*first, *second])
    assert set(Contribution.objects.values_list("key", flat=True)) == {"a", "b"}
    assert story(thread.session).count("contribution") == 2


def test_what_a_task_alone_has_drafted_goes_with_the_end(thread: Thread) -> None:
    said = [*contribution("last", 1, "p0"), drafts.end("Stay", 0.7)]
    thread.write(("outbox", said), path=ALONE)
    thread.put(outbox=said)
    thread.session.refresh_from_db()
    assert thread.session.status == "completed"
    assert Contribution.objects.get().key == "last"


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


@pytest.fixture
def new(make_session: Callable[..., Session]) -> Thread:
    """A session that nobody has driven, about to be driven."""
    claimed = Thread(start(make_session()))
    claimed.saver.begin(str(claimed.session.pk), empty=True)
    return claimed


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
    assert story(new.session)[-1] == "contribution"


def test_what_waits_is_stored_before_what_a_task_of_several_has_written(new: Thread) -> None:
    new.put(step=-1, n=0)
    new.write(("n", 1), task="__start__", path="~__pregel_pull, __start__")
    new.put(step=0, n=1)
    new.write(("n", 2), path="~__pregel_push, 0000000001")
    assert Checkpoint.objects.count() == 2
    assert [channel for _, channel, _ in new.pending()] == ["n"]
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
