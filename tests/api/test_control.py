"""Pause, resume, kill, retry, answer and interject over HTTP (SE3, SE4, SE7)."""

from typing import Any

import pytest

from sessions import events
from sessions.events import Draft
from sessions.models import AuditEntry, Checkpoint, Event, Session, Status
from sessions.transitions import transition

URL = "/api/v1/sessions/"
VERBS = ["start", "pause", "resume", "kill", "retry", "answer", "review", "interject"]


@pytest.fixture
def act(caller: Any) -> Any:
    def post(session: Session, verb: str, body: Any = None, **headers: str) -> Any:
        return caller.post(f"{URL}{session.pk}/{verb}", body, **headers)

    return post


@pytest.fixture
def failed(make_session: Any) -> Session:
    session: Session = make_session()
    failure = {"code": "overloaded", "message": "Busy.", "recoverable": True, "node": "debate", "attempt": 1}
    Session.objects.filter(pk=session.pk).update(status="failed", failure=failure)
    return session


@pytest.fixture
def waiting(make_session: Any) -> Session:
    session: Session = make_session()
    Session.objects.filter(pk=session.pk).update(status="running")
    transition(session.pk, Status.WAITING, data={"questions": ["By when?", "How much?"], "interrupt_id": "i1"})
    return session


def test_a_session_in_line_is_paused_and_resumed(act: Any, make_session: Any) -> None:
    session = make_session()
    act(session, "start")
    assert act(session, "pause", {"reason": "lunch"}).json()["status"] == "paused"
    answer = act(session, "resume")
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    assert AuditEntry.objects.get(action="pause").reason == "lunch"


def test_a_running_session_says_that_a_pause_is_requested(act: Any, make_session: Any) -> None:
    session = make_session()
    Session.objects.filter(pk=session.pk).update(status="running")
    body = act(session, "pause").json()
    assert (body["status"], body["requested"]) == ("running", "pause")


def test_a_killed_session_stays_killed(act: Any, problem: Any, make_session: Any) -> None:
    session = make_session()
    assert act(session, "kill", {"reason": "a mistake"}).json()["status"] == "killed"
    assert act(session, "kill").status_code == 202
    problem(act(session, "resume"), 409, "illegal_transition")
    problem(act(session, "start"), 409, "illegal_transition")


def test_a_failed_session_is_retried(act: Any, failed: Session) -> None:
    answer = act(failed, "retry", {"reason": "The provider is back"})
    assert (answer.status_code, answer.json()["status"], answer.json()["failure"]) == (202, "queued", None)


def test_a_failure_that_a_retry_cannot_help_is_told(act: Any, problem: Any, failed: Session) -> None:
    Session.objects.filter(pk=failed.pk).update(failure={"code": "refused", "message": "No.", "recoverable": False})
    problem(act(failed, "retry"), 409, "not_recoverable")


def test_a_draft_cannot_be_retried(act: Any, problem: Any, make_session: Any) -> None:
    problem(act(make_session(), "retry"), 409, "illegal_transition")


def test_an_unknown_checkpoint_is_told(act: Any, problem: Any, failed: Session) -> None:
    problem(act(failed, "retry", {"checkpoint_id": "1f0"}), 409, "unknown_checkpoint")


def test_the_steps_to_go_back_to_are_listed_newest_first(caller: Any, failed: Session) -> None:
    for step, superseded in ((1, False), (2, False), (3, True)):
        Checkpoint.objects.create(
            thread_id=str(failed.pk),
            checkpoint_id=f"1f{step}",
            source="loop",
            step=step,
            body={"updated_channels": ["outbox", "branch:to:synthesis"]} if step == 2 else {},
            superseded=superseded,
        )
    found = caller.get(f"{URL}{failed.pk}/checkpoints").json()["checkpoints"]
    assert [(point["checkpoint_id"], point["step"]) for point in found] == [("1f2", 2), ("1f1", 1)]
    assert [point["at"] for point in found] == ["before the memo", ""], "what its body does not say is left open"


def test_the_boards_questions_are_answered_once(act: Any, waiting: Session) -> None:
    body = {"answers": ["Friday", ""], "interrupt_id": "i1"}
    assert act(waiting, "answer", body).json()["status"] == "queued"
    assert act(waiting, "answer", body).status_code == 202
    assert Event.objects.filter(session=waiting, type="clarification_answered").count() == 1


def test_every_question_needs_an_answer(act: Any, problem: Any, waiting: Session) -> None:
    problem(act(waiting, "answer", {"answers": ["Friday"]}), 400, "answers_do_not_match")
    problem(act(waiting, "answer", {"answers": ["a", "b"], "interrupt_id": "i2"}), 400, "unknown_question")


def test_who_was_not_asked_cannot_answer(act: Any, problem: Any, make_session: Any) -> None:
    problem(act(make_session(), "answer", {"answers": []}), 409, "illegal_transition")


def test_an_interjection_becomes_an_event(act: Any, make_session: Any) -> None:
    session = make_session()
    answer = act(session, "interject", {"text": "The lease in Leeds ends in May."})
    event = Event.objects.get(session=session, sequence=answer.json()["sequence"])
    assert (event.type, event.data["text"]) == ("interjection", "The lease in Leeds ends in May.")


@pytest.mark.parametrize(
    ("text", "code"), [("", "empty"), (" \n", "empty"), ("x" * 4001, "too_long"), (3, "wrong_type")]
)
def test_an_interjection_has_to_say_something(act: Any, problem: Any, make_session: Any, text: Any, code: str) -> None:
    problem(act(make_session(), "interject", {"text": text}), 400, code)


def test_an_interjection_sent_twice_is_said_once(act: Any, make_session: Any) -> None:
    session = make_session()
    for _ in range(2):
        act(session, "interject", {"text": "Once."}, Idempotency_Key="k1")
    assert Event.objects.filter(session=session, type="interjection").count() == 1


def test_the_dead_hear_nothing(act: Any, problem: Any, make_session: Any) -> None:
    session = make_session()
    act(session, "kill")
    problem(act(session, "interject", {"text": "Hello?"}), 409, "illegal_transition")


@pytest.mark.parametrize("verb", VERBS)
def test_a_foreign_session_does_not_exist(verb: str, stranger: Any, problem: Any, make_session: Any) -> None:
    problem(stranger.post(f"{URL}{make_session().pk}/{verb}", {}), 404, "not_found")


@pytest.mark.parametrize("verb", VERBS)
def test_an_unknown_field_is_refused_and_nothing_happens(verb: str, act: Any, problem: Any, make_session: Any) -> None:
    session = make_session()
    head = events.append(session.pk, [Draft("interjection", {"text": "before"}, "b")])
    problem(act(session, verb, {"force": True}), 400, "unknown_field")
    session.refresh_from_db()
    assert (session.status, session.last_sequence) == ("created", head)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"reason": 3}, "wrong_type"),
        ({"reason": None}, "wrong_type"),
        ({"reason": "x" * 501}, "too_long"),
        ({"reason": "\x00"}, "control_characters"),
    ],
    ids=str,
)
def test_a_bad_reason_is_refused(act: Any, problem: Any, make_session: Any, body: Any, code: str) -> None:
    session = make_session()
    problem(act(session, "kill", body), 400, code)
    session.refresh_from_db()
    assert session.status == "created"


@pytest.mark.parametrize("value", ["true", 1, "no", None])
def test_a_flag_is_true_or_false(act: Any, problem: Any, failed: Session, value: Any) -> None:
    problem(act(failed, "retry", {"reuse_answers": value}), 400, "wrong_type")
