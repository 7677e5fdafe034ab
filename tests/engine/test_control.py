"""SE7, SE9: control of a session, each verb seen to take effect on a running one."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from sessions.models import AuditEntry, Event, Session
from sessions.services import control
from sessions.services.access import NotAllowed
from sessions.transitions import IllegalTransition
from tests.engine.lab import Lab, status, story, until

Queued = Callable[[], Session]


def test_a_pause_takes_effect_when_the_open_step_is_stored(lab: Lab, queued: Queued) -> None:
    session = queued()
    lab.hold(1)
    with lab.running():
        until(lambda: lab.begun(1) == 2)
        control.pause(session, session.owner, "lunch")
        assert status(session) == "running"
        lab.release(1)
        until(lambda: status(session) == "paused")
    assert lab.begun(2) == 0
    assert session.lease_owner == ""
    paused = session.events.get(type="session_paused")
    assert paused.data == {"reason": "lunch"}
    control.resume(session, session.owner)
    lab.run_to_rest()
    assert status(session) == "completed"
    assert [lab.begun(step) for step in (1, 2, 3)] == [2, 2, 2]
    story(session)


def test_a_pause_that_is_taken_back_in_time_changes_nothing(lab: Lab, queued: Queued) -> None:
    session = queued()
    lab.hold(1)
    with lab.running():
        until(lambda: lab.begun(1) == 2)
        control.pause(session, session.owner)
        control.resume(session, session.owner)
        lab.release(1)
        until(lambda: status(session) == "completed")


def test_a_kill_cancels_calls_in_flight_at_once_and_nothing_is_written_after_it(
    lab: Lab, queued: Queued, settings: Any
) -> None:
    settings.LEASE_SECONDS, settings.HEARTBEAT_SECONDS = 600.0, 300.0  # the runner is told, it waits for no heartbeat
    session = queued()
    lab.hold(2)
    with lab.running():
        until(lambda: lab.begun(2) == 2)
        control.kill(session, session.owner, "wrong question")
        until(lambda: len(lab.cancelled) == 2)
    assert status(session) == "killed"
    assert story(session)[-1] == "session_killed"
    assert session.runs.get().outcome == "killed"


def test_an_answer_continues_a_session_that_waited_without_a_worker(lab: Lab, queued: Queued) -> None:
    session = queued()
    lab.ask_at = {1, 2}
    lab.run_to_rest()
    assert status(session) == "waiting"
    assert (session.lease_owner, session.lease_until) == ("", None)
    asked = session.events.get(type="session_waiting").data
    assert asked["questions"] == ["What about step 1?"]
    control.answer(session, session.owner, ["blue"], asked["interrupt_id"])
    control.answer(session, session.owner, ["green"], asked["interrupt_id"])  # delivered again: changes nothing
    lab.run_to_rest()
    assert status(session) == "waiting", "the second question is open; the first answer did not answer it"
    control.answer(session, session.owner, ["red"])
    lab.run_to_rest()
    assert status(session) == "completed"
    assert session.events.get(type="session_completed").data["recommendation"] == "blue,red"
    assert [lab.begun(step) for step in (1, 2, 3)] == [2, 2, 2]


def test_an_answer_must_fit_the_questions(lab: Lab, queued: Queued) -> None:
    session = queued()
    lab.ask_at = {1}
    lab.run_to_rest()
    with pytest.raises(control.InvalidWord) as refused:
        control.answer(session, session.owner, ["one", "two"])
    assert refused.value.code == "answers_do_not_match"
    assert status(session) == "waiting"


def test_an_interjection_is_said_once_however_often_it_is_sent(queued: Queued) -> None:
    session = queued()
    first = control.interject(session, session.owner, "Mind the\x00 budget", key="k1")
    assert control.interject(session, session.owner, "Mind the budget", key="k1") == first
    said = Event.objects.get(session=session, type="interjection")
    assert said.data == {"text": "Mind the budget", "author": "ada"}


def test_what_is_said_to_a_running_board_is_heard_from_its_next_step_on(lab: Lab, queued: Queued) -> None:
    session = queued()
    lab.hold(1)
    with lab.running():
        until(lambda: lab.begun(1) == 2)
        control.interject(session, session.owner, "Mind the budget")
        lab.release(1)
        until(lambda: status(session) == "completed")
    assert lab.heard == {1: {()}, 2: {("Mind the budget",)}, 3: {("Mind the budget",)}}


VERBS: dict[str, Callable[[Session, Any], Any]] = {
    "pause": lambda session, actor: control.pause(session, actor),
    "resume": lambda session, actor: control.resume(session, actor),
    "kill": lambda session, actor: control.kill(session, actor),
    "interject": lambda session, actor: control.interject(session, actor, "word"),
}


@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_is_open_to_strangers(verb: str, queued: Queued) -> None:
    session = queued()
    stranger = get_user_model().objects.create_user("eve")
    with pytest.raises(NotAllowed):
        VERBS[verb](session, stranger)
    assert AuditEntry.objects.filter(actor="eve").count() == 0


@pytest.mark.parametrize("verb", ["pause", "kill"])
def test_a_verb_twice_is_the_verb_once(verb: str, queued: Queued) -> None:
    session = queued()
    VERBS[verb](session, session.owner)
    told = story(session)
    VERBS[verb](session, session.owner)
    assert story(session) == told
    assert AuditEntry.objects.filter(action=verb, object_id=str(session.pk)).count() == 1


def test_what_is_over_cannot_be_paused(queued: Queued) -> None:
    session = queued()
    control.kill(session, session.owner)
    with pytest.raises(IllegalTransition):
        control.pause(session, session.owner)


def test_kill_all_tells_the_truth_about_each(queued: Queued, staff: Any) -> None:
    sessions = [queued() for _ in range(3)]
    lab = Lab(steps=0)
    lab.run_to_rest()
    running = queued()
    tally = control.kill_all(staff, "maintenance", [session.pk for session in [*sessions, running]])
    assert tally.done == 1
    assert {key for key, _ in tally.skipped} == {session.pk for session in sessions}
    assert all("completed" in reason for _, reason in tally.skipped)


def test_kill_all_needs_the_permission(queued: Queued) -> None:
    session = queued()
    with pytest.raises(NotAllowed):
        control.kill_all(session.owner)


def test_the_owner_and_staff_raise_a_cap_and_nobody_else(queued: Queued, staff: Any) -> None:
    session = queued()
    stranger = get_user_model().objects.create_user("eve", "eve@example.org", "a-long-enough-secret")
    with pytest.raises(NotAllowed):
        control.raise_cap(session, stranger, None)
    for actor, cap in ((session.owner, Decimal("1.5")), (staff, Decimal("2.5"))):
        control.raise_cap(session, actor, cap)
        session.refresh_from_db()
        assert session.cost_cap == cap
