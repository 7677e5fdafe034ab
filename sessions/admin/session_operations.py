"""What staff may do to a session, and what each of it means for the session."""

from functools import partial
from typing import Any

from django import forms

from sessions.admin.operation import Operation, ReasonForm, reasoned
from sessions.admin.wording import cap
from sessions.models import Session, Status
from sessions.services import control, recovery, start
from sessions.services.access import NotAllowed
from sessions.services.control import InvalidWord
from sessions.services.recovery import CannotResume
from sessions.transitions import IllegalTransition

CONTROL, CAP = "board.control_session", "board.raise_cap_session"
REFUSALS = (IllegalTransition, NotAllowed, CannotResume, InvalidWord)


class CapForm(ReasonForm):
    new_cap = forms.DecimalField(
        min_value=0, max_digits=10, decimal_places=4, label="New cap (US dollars)", help_text="Above the present one"
    )
    field_order = ["new_cap", "reason"]


class CheckpointForm(ReasonForm):
    checkpoint = forms.CharField(max_length=64, help_text="From the list of checkpoints on the session's page")
    afresh = forms.BooleanField(
        required=False,
        label="Ask every model again",
        help_text="Otherwise answers to identical prompts are reused, and cost nothing.",
    )
    field_order = ["checkpoint", "afresh", "reason"]


def _start(session: Session, actor: Any, reason: str) -> object:
    return start.start(session, actor=actor, reason=reason)


def _retry(session: Session, actor: Any, reason: str) -> object:
    return recovery.resume_session_from_checkpoint(session.pk, actor=actor, reason=reason)


def _retry_from(session: Session, actor: Any, data: dict[str, Any]) -> object:
    return recovery.resume_session_from_checkpoint(
        session.pk, data["checkpoint"], actor=actor, reason=data["reason"], reuse_answers=not data["afresh"]
    )


def _raise_cap(session: Session, actor: Any, data: dict[str, Any]) -> object:
    if session.cost_cap is None:
        raise InvalidWord("no_cap", "The session has no cost cap, so there is nothing to raise.")
    if data["new_cap"] <= session.cost_cap:
        raise InvalidWord("cap_not_higher", f"Its cap is {cap(session.cost_cap)} already; choose a higher one.")
    return control.raise_cap(session, actor, data["new_cap"], data["reason"])


def _before_retry(session: Session) -> str:
    failure = session.failure or {}
    if session.status == Status.FAILED and not failure.get("recoverable", True):
        return "The same step would fail again. Retry from an earlier step instead."
    return "It goes back into line and continues after its last finished step. What was paid is not paid again."


_operation = partial(Operation, permission=CONTROL, refusals=REFUSALS)

OPERATIONS = (
    _operation(
        label="Start now",
        done="put in line",
        consequence=lambda session: (
            f"The board begins to debate it, and spends money up to its cap: {cap(session.cost_cap)}."
        ),
        service=reasoned(_start),
        offered=lambda session: session.status == Status.CREATED,
    ),
    _operation(
        label="Retry",
        done="retried",
        consequence=_before_retry,
        service=reasoned(_retry),
        offered=lambda session: session.status == Status.FAILED,
    ),
    _operation(
        label="Pause",
        done="paused, or will be after its open step",
        consequence=lambda session: "It finishes and stores its open step, then rests until somebody resumes it.",
        service=reasoned(control.pause),
        offered=lambda session: session.status in (Status.QUEUED, Status.RUNNING) and session.requested != "pause",
    ),
    _operation(
        label="Resume",
        done="resumed",
        consequence=lambda session: "It goes to the end of the line and continues after its last finished step.",
        service=reasoned(control.resume),
        offered=lambda session: session.status == Status.PAUSED or session.requested == "pause",
    ),
    _operation(
        label="Raise cap",
        done="given a higher cap",
        permission=CAP,
        consequence=lambda session: (
            f"It may spend more than now ({cap(session.cost_cap)}). "
            "A session that stopped at its cap does not go on by itself: retry it afterwards."
        ),
        service=_raise_cap,
        offered=lambda session: session.cost_cap is not None and session.status != Status.COMPLETED,
        form=CapForm,
    ),
    _operation(
        label="Kill",
        done="stopped for good",
        consequence=lambda session: (
            "It stops at once and for good; nobody can resume it. What it has said and spent so far is kept."
        ),
        service=reasoned(control.kill),
        offered=lambda session: not session.is_over,
        harm=True,
    ),
    _operation(
        label="Retry from here",
        done="retried from an earlier step",
        consequence=lambda session: (
            "It goes back to that step. Everything said later is kept, marked as superseded, "
            "and what is said anew costs money again."
        ),
        service=_retry_from,
        offered=lambda session: False,  # its link stands beside each checkpoint
        form=CheckpointForm,
        bulk=False,
    ),
)
