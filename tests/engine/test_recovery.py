"""SE2, SE3, SE4: a failure is told truthfully, and a retry repeats nothing that was finished."""

from collections.abc import Callable
from typing import Any

import pytest

from sessions.models import AuditEntry, Checkpoint, Contribution, Event, Session
from sessions.services import control
from sessions.services.access import NotAllowed
from sessions.services.recovery import CannotResume, resume_session_from_checkpoint, retry_points
from sessions.transitions import IllegalTransition
from tests.engine.lab import Lab, after_step, failed_at, status, story

Queued = Callable[[], Session]


def test_a_retry_continues_after_the_last_step_and_repeats_nothing(lab: Lab, queued: Queued) -> None:
    session = queued()
    failed_at(lab, session, 3)
    assert session.failure is not None
    assert {**session.failure, "checkpoint": "", "detail": ""} == {
        "code": "provider_unreachable",
        "message": "Nobody answers.",
        "recoverable": True,
        "node": "join",
        "attempt": 1,
        "checkpoint": "",
        "detail": "",
    }
    resume_session_from_checkpoint(session.pk, actor=session.owner, reason="it is back")
    lab.run_to_rest()
    assert status(session) == "completed"
    assert session.failure is None
    assert [lab.begun(step) for step in (1, 2, 3)] == [2, 2, 2]
    assert story(session).count("session_failed") == 1
    assert AuditEntry.objects.get(action="retry").reason == "it is back"


def test_a_failure_takes_the_next_sequence_number_and_counts_attempts(lab: Lab, queued: Queued) -> None:
    session = queued()
    for attempt in (1, 2):
        failed_at(lab, session, 2)
        newest = Event.objects.filter(session=session).latest("sequence")
        assert (newest.type, newest.sequence) == ("session_failed", session.last_sequence)
        assert newest.data["attempt"] == attempt
        resume_session_from_checkpoint(session.pk, actor=session.owner)


def test_an_error_of_our_own_is_held_recoverable_until_it_repeats_itself(lab: Lab, queued: Queued) -> None:
    session = queued()
    for expected in (True, True, False):
        failed_at(lab, session, 2, RuntimeError("a bug"))
        assert session.failure is not None
        assert session.failure["code"] == "internal_error"
        assert "a bug" not in session.failure["message"], "technical detail is for staff"
        assert "a bug" in session.failure["detail"]
        assert session.failure["recoverable"] is expected
        if expected:
            resume_session_from_checkpoint(session.pk, actor=session.owner)
    with pytest.raises(CannotResume) as refused:
        resume_session_from_checkpoint(session.pk, actor=session.owner)
    assert refused.value.code == "not_recoverable"


def test_pressing_retry_twice_is_pressing_it_once(lab: Lab, queued: Queued) -> None:
    session = queued()
    failed_at(lab, session, 1)
    resume_session_from_checkpoint(session.pk, actor=session.owner)
    told = story(session)
    resume_session_from_checkpoint(session.pk, actor=session.owner)
    assert story(session) == told


def test_a_retry_is_not_open_to_strangers_nor_to_what_is_over(lab: Lab, queued: Queued, django_user_model: Any) -> None:
    session = queued()
    with pytest.raises(NotAllowed):
        resume_session_from_checkpoint(session.pk, actor=django_user_model.objects.create_user("eve"))
    control.kill(session, session.owner)
    with pytest.raises(IllegalTransition):
        resume_session_from_checkpoint(session.pk, actor=session.owner)


def test_a_fork_keeps_the_first_branch_readable_and_makes_the_new_one_live(forkable: Lab, queued: Queued) -> None:
    lab, session = forkable, queued()
    failed_at(lab, session, 3)
    rows = set(Contribution.objects.filter(session=session).values_list("pk", flat=True))
    fence, head = session.fence, session.last_sequence
    resume_session_from_checkpoint(session.pk, after_step(session, 2), actor=session.owner)
    session.refresh_from_db()
    assert session.fence == fence + 1
    lab.run_to_rest()
    assert status(session) == "completed"
    assert [lab.begun(step) for step in (1, 2, 3)] == [2, 4, 4], "what lies before the fork is not done again"
    told = Contribution.objects.filter(session=session)
    assert told.filter(superseded=True).count() == 4
    assert sorted(told.filter(superseded=False).values_list("key", flat=True)) == sorted(
        f"r{step}:p{n}" for step in (1, 2, 3) for n in (0, 1)
    )
    assert rows <= set(told.values_list("pk", flat=True)), "nothing is deleted"
    old = Event.objects.filter(session=session, superseded=True)
    assert set(old.values_list("type", flat=True)) == {"contribution"}
    assert old.count() == 4
    assert all(event.sequence <= head for event in old)
    queued_again = Event.objects.filter(session=session, type="session_queued").latest("sequence")
    assert queued_again.data["reason"] == "retried"
    assert queued_again.data["live_until"] is not None
    story(session)


def test_a_fork_must_start_from_a_step_of_the_live_branch(forkable: Lab, queued: Queued) -> None:
    lab, session = forkable, queued()
    failed_at(lab, session, 3)
    left = after_step(session, 3)
    resume_session_from_checkpoint(session.pk, after_step(session, 2), actor=session.owner)
    failed_at(lab, session, 3)
    for wrong in (left, "no-such-step"):
        with pytest.raises(CannotResume) as refused:
            resume_session_from_checkpoint(session.pk, wrong, actor=session.owner)
        assert refused.value.code == "unknown_checkpoint"
    assert left not in [point.checkpoint_id for point in retry_points(session)]
    assert status(session) == "failed"


@pytest.mark.parametrize("reuse", [True, False])
def test_the_caller_chooses_whether_a_fork_thinks_afresh(forkable: Lab, queued: Queued, reuse: bool) -> None:
    lab, session = forkable, queued()
    failed_at(lab, session, 3)
    resume_session_from_checkpoint(session.pk, after_step(session, 2), actor=session.owner, reuse_answers=reuse)
    session.refresh_from_db()
    assert session.think_afresh is not reuse


def test_a_session_of_another_procedure_fails_with_a_clear_error(lab: Lab, queued: Queued) -> None:
    session = queued()
    Session.objects.filter(pk=session.pk).update(graph_version=99)
    lab.run_to_rest()
    assert status(session) == "failed"
    assert session.failure is not None
    assert (session.failure["code"], session.failure["recoverable"]) == ("graph_version", True)


def test_a_checkpoint_with_an_unknown_field_and_without_a_known_one_resumes(lab: Lab, queued: Queued) -> None:
    session = queued()
    failed_at(lab, session, 2)
    newest = Checkpoint.objects.filter(thread_id=str(session.pk)).latest("checkpoint_id")
    newest.body["channel_versions"]["a_channel_of_old"] = newest.body["channel_versions"].pop("said")
    newest.body["a_field_of_old"] = 1
    newest.save()
    resume_session_from_checkpoint(session.pk, actor=session.owner)
    lab.run_to_rest()
    assert status(session) == "completed"


def test_a_graph_that_ends_without_its_end_has_failed(lab: Lab, queued: Queued, monkeypatch: Any) -> None:
    session = queued()
    monkeypatch.setattr("sessions.graph.drafts.end", lambda *args: {"kind": "session", "key": "", "data": {}})
    lab.run_to_rest()
    assert status(session) == "failed"
    assert session.failure is not None
    assert session.failure["code"] == "ended_early"
