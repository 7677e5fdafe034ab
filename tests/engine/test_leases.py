"""SE5, SE6, SE8: leases, fences, places in line, draining."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from sessions import event_types
from sessions.models import Run, RunnerSlot, Session
from sessions.runner import identity, lease, loop, slots
from sessions.runner.heartbeat import Heartbeat
from sessions.runner.outcome import Outcome, settle
from sessions.services import control, wake
from tests.engine.lab import Lab, expire_lease, status, story, until
from tests.engine.test_saver import HOSTILE

Queued = Callable[[], Session]


def test_a_session_runs_to_its_end_and_its_story_is_whole(lab: Lab, queued: Queued) -> None:
    session = queued()
    lab.run_to_rest()
    assert status(session) == "completed"
    told = story(session)
    assert told[:3] == ["session_created", "session_queued", "session_started"]
    assert told[-1] == "session_completed"
    assert told.count("contribution") == 6
    assert session.contributions.count() == 6
    assert session.runs.get().outcome == "completed"
    assert (session.lease_owner, session.phase) == ("", "done")


def test_what_a_claim_tells_has_the_shape_of_its_type(lab: Lab, queued: Queued) -> None:
    """The claim's own statement writes it, past the check of those that a step drafts."""
    session, owner = queued(), identity.owner()
    for _ in range(2):
        assert len(lease.claim(owner, 1)) == 1
        expire_lease(session)
    told = list(session.events.filter(key__startswith="claim:").order_by("sequence"))
    assert [(event.type, event.key) for event in told] == [
        ("session_started", "claim:1"),
        ("session_resumed", "claim:2"),
    ]
    for event in told:
        event_types.check(event.type, event.data)
    assert told[0].data == {"worker": owner, "fence": 1}
    session.refresh_from_db()
    assert told[-1].sequence == session.last_sequence
    assert story(session)[-1] == "session_resumed"


def test_a_notice_that_comes_beside_the_answer_to_a_beat_is_heard(queued: Queued) -> None:
    session = queued()
    heard: list[str] = []
    heartbeat = Heartbeat(
        identity.owner(), held=lambda: {session.pk: 1}, on_lost=lambda *_: None, on_bell=lambda: heard.append("bell")
    )
    listening = heartbeat._connect()
    try:
        wake.holder(session.pk)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, '')", [wake.QUEUE_CHANNEL])
        listening.execute("SELECT pg_sleep(0.05)")
        assert heard == ["bell"]
        began = time.monotonic()
        heartbeat._renewed = began  # the next beat is a second away, but somebody wants something of our session
        heartbeat._listen(listening)
        assert time.monotonic() - began < settings.HEARTBEAT_SECONDS / 2
    finally:
        listening.close()


def test_hostile_texts_pass_through_a_whole_session_unharmed(lab: Lab, queued: Queued) -> None:
    """NUL and lone surrogates, which PostgreSQL refuses, and a megabyte of text: in rows, events and state."""
    session = queued()
    lab.steps, lab.text = 1, HOSTILE
    lab.run_to_rest()
    assert status(session) == "completed"
    assert story(session).count("contribution") == 2
    claims = list(session.contributions.values_list("claim", flat=True))
    assert len(claims) == 2
    assert {(len(claim) > 1_000_000, "\x00" in claim, "\ufffd" in claim) for claim in claims} == {(True, False, True)}
    told = session.events.filter(type="contribution").first()
    assert told
    assert told.data["claim"] == claims[0]


def test_a_bell_that_rings_while_a_runner_looks_at_the_line_is_not_lost(
    lab: Lab, queued: Queued, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a session that comes in that moment waits for the next look, here five minutes."""
    monkeypatch.setattr(loop, "LOOK", 300.0)
    late: list[Session] = []
    claim = lease.claim

    def listens() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name ="
                " 'bo1-heartbeat' AND query ~ '^(COMMIT|LISTEN board_watched)')"
            )
            return bool(cursor.fetchone()[0])

    def overtaken(*args: Any, **options: Any) -> list[lease.Claim]:
        claims = claim(*args, **options)
        if not late:
            until(listens, "the runner to listen")
            late.append(queued())
            until(runner._bell.is_set, "the bell")
        return claims

    monkeypatch.setattr(lease, "claim", overtaken)
    with lab.running(idle=60.0) as runner:
        until(lambda: late and status(late[0]) == "completed", "the late session to be driven")
        runner.life = 0.0
        wake.runners()  # or it would end with its next look


def test_two_runners_handed_the_same_session_double_nothing(lab: Lab, queued: Queued) -> None:
    session = queued()
    lab.hold(2)
    with lab.running() as first:
        until(lambda: lab.begun(2) == 2)
        expire_lease(session)  # on purpose, while its holder is well
        with lab.running() as second:
            until(lambda: session.pk in second.drives or session.pk in second.outcomes or lab.begun(2) == 4)
            lab.release(2)
            until(lambda: status(session) == "completed")
    assert sorted(run.outcome for run in session.runs.all()) == ["completed", "lost"]
    told = session.events.get(type="session_resumed").data
    assert (told["reason"], told["phase"], told["round"]) == ("taken_over", "debating", 2), "why, and where it goes on"
    assert story(session).count("contribution") == 6
    assert session.contributions.count() == 6
    assert {first.outcomes.get(session.pk), second.outcomes.get(session.pk)} >= {"completed"}


def test_a_holder_whose_lease_was_taken_writes_nothing(lab: Lab, queued: Queued) -> None:
    session = queued()
    claim = lease.claim("host/0:1:old", 1)[0]
    expire_lease(session)
    newer = lease.claim("host/0:2:new", 1)[0]
    assert (newer.session_id, newer.fence) == (claim.session_id, claim.fence + 1)
    from sessions.events import LeaseLost
    from sessions.graph.saver import Saver

    config: Any = {"configurable": {"thread_id": str(session.pk), "checkpoint_id": "1", "fence": claim.fence}}
    with pytest.raises(LeaseLost):
        Saver().put_writes(config, [("said", {"a": "b"})], "task")
    assert session.runs.get(fence=claim.fence).outcome == "lost"
    resumed = session.events.get(type="session_resumed")
    assert resumed.data["reason"] == "taken_over"


def test_a_session_that_always_kills_its_worker_is_taken_out_and_can_be_retried(lab: Lab, queued: Queued) -> None:
    session, other = queued(), queued()
    for _ in range(lease.MOST_CLAIMS):
        assert any(claim.session_id == session.pk for claim in lease.claim(identity.owner(), 10, only=session.pk))
        expire_lease(session)
    lab.run_to_rest()
    assert status(session) == "failed"
    assert session.failure is not None
    assert (session.failure["code"], session.failure["recoverable"]) == ("poison", True)
    assert status(other) == "completed"
    from sessions.services.recovery import resume_session_from_checkpoint

    resume_session_from_checkpoint(session.pk, actor=session.owner)
    lab.run_to_rest()
    assert status(session) == "completed"
    story(session)


def test_a_suspect_is_driven_alone_until_it_makes_progress(lab: Lab, queued: Queued) -> None:
    suspect, other = queued(), queued()
    Session.objects.filter(pk=suspect.pk).update(claims=lease.SUSPECT)
    lab.hold(1)
    with lab.running() as runner:
        until(lambda: {suspect.pk, other.pk} <= set(runner.drives))
        assert runner.drives[suspect.pk].claim.suspect
        suspect.refresh_from_db()
        assert suspect.claims == 0
        lab.release(1)
        until(lambda: Session.objects.filter(status="completed").count() == 2)


def test_while_a_suspect_waits_a_busy_runner_takes_nothing(queued: Queued) -> None:
    suspect, other = queued(), queued()
    Session.objects.filter(pk=suspect.pk).update(claims=lease.SUSPECT)
    assert lease.claim(identity.owner(), 10, busy=True) == []
    first = lease.claim(identity.owner(), 10)
    assert [(claim.session_id, claim.suspect) for claim in first] == [(suspect.pk, True)]
    assert [claim.session_id for claim in lease.claim(identity.owner(), 10)] == [other.pk]


def test_progress_forgives_earlier_claims(lab: Lab, queued: Queued) -> None:
    session = queued()
    lab.steps = lease.MOST_CLAIMS + 2
    for step in range(1, lab.steps + 1):
        lab.hold(step)
        with lab.running() as runner:
            until(lambda step=step: lab.begun(step) >= 2)
            runner._abandon_all("lost")  # its process dies
        expire_lease(session)
    lab.run_to_rest()
    assert status(session) == "completed"


def test_a_runner_at_the_end_of_its_life_hands_over_at_a_step_boundary(lab: Lab, queued: Queued) -> None:
    session = queued()
    lab.hold(1)
    with lab.running() as runner:
        until(lambda: lab.begun(1) == 2)
        runner.life = 0.0
        until(lambda: runner.drives[session.pk]._control.drain_requested)
        lab.release(1)
    assert status(session) == "queued"
    assert session.runs.get().outcome == "released"
    lab.run_to_rest()
    assert status(session) == "completed"
    assert [lab.begun(step) for step in (1, 2, 3)] == [2, 2, 2]
    assert session.events.get(type="session_resumed").data["reason"] == "released"


def test_no_more_sessions_run_at_once_than_allowed_and_the_others_know_their_place(
    lab: Lab, queued: Queued, settings: Any
) -> None:
    settings.MOST_RUNNING = 2
    sessions = [queued() for _ in range(5)]
    lab.hold(1)
    with lab.running(), lab.running():
        until(lambda: lab.begun(1) == 4)
        running = Session.objects.filter(status="running").count()
        places = [control.place_in_line(session) for session in Session.objects.filter(status="queued").order_by("pk")]
        assert (running, places) == (2, [1, 2, 3])
        lab.release(1)
        until(lambda: Session.objects.filter(status="completed").count() == 5)
    assert [status(session) for session in sessions] == ["completed"] * 5


def test_who_has_run_longest_makes_room_at_its_next_step_and_nothing_is_lost(
    lab: Lab, queued: Queued, settings: Any
) -> None:
    settings.MOST_RUNNING = 1
    settings.EVICTION_GRACE = 0.0
    first, second = queued(), queued()
    lab.hold(1, 3)
    with lab.running():
        until(lambda: lab.begun(1) == 2)
        until(lambda: Session.objects.filter(pk=first.pk, requested="evict").exists())
        lab.release(1)
        until(lambda: first.runs.filter(outcome="evicted").exists())
        lab.release(3)
        until(lambda: Session.objects.filter(status="completed").count() == 2)
    assert {status(first), status(second)} == {"completed"}
    assert lab.begun(1, first) == 2, "an evicted session repeats nothing"
    assert "evicted" in first.events.filter(type="session_queued").values_list("data__reason", flat=True)


def test_a_runner_that_cannot_renew_stops_by_itself(lab: Lab, queued: Queued, settings: Any) -> None:
    session = queued()
    lab.hold(1)
    with lab.running() as runner:
        until(lambda: lab.begun(1) == 2)
        drive = runner.drives[session.pk]
        assert drive.claim.fence == 1
        # Its heart stops: the thread beats for nobody any more.
        settings.HEARTBEAT_SECONDS = 60.0
        settings.LEASE_SECONDS = 1.0
        until(lambda: len(lab.cancelled) >= 2)
        lab.release(1)
        settings.HEARTBEAT_SECONDS, settings.LEASE_SECONDS = 0.2, 4.0


def test_a_host_has_no_more_runners_than_slots(transactional_db: None, settings: Any) -> None:
    settings.RUNNER_SLOTS = 2
    names = [identity.owner() for _ in range(3)]
    assert [slots.take(name) for name in names] == [1, 2, None]
    assert slots.awake_here() == 2
    slots.give_back(names[0])
    assert slots.take(names[2]) == 1


def test_what_a_dead_process_held_is_free_at_once(queued: Queued) -> None:
    session = queued()
    dead = f"{identity.host()}:{_dead_pid()}:x"
    lease.claim(dead, 1)
    assert identity.is_dead(dead)
    assert not identity.is_dead(identity.owner())
    assert not identity.is_dead(f"elsewhere/1:{_dead_pid()}:x")
    assert lease.expire_dead() == 1
    assert lease.claim(identity.owner(), 1)[0].session_id == session.pk
    assert Run.objects.get(session=session, fence=1).outcome == "lost"
    assert RunnerSlot.objects.count() == 0


def _dead_pid() -> int:
    import subprocess
    import sys

    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_an_end_that_is_told_twice_changes_nothing(queued: Queued) -> None:
    """A commit whose answer was lost is told again; by then the session rests, and must not be put back into line."""
    session = queued()
    [claim] = lease.claim(identity.owner(), 1)
    control.pause(session, session.owner)
    assert settle(claim, Outcome("released")) == "paused"
    told = story(session)
    assert settle(claim, Outcome("released")) == "paused"
    assert (status(session), story(session)) == ("paused", told)
