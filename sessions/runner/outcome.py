"""How a run ended, and what that means for its session."""

import logging
from dataclasses import dataclass, field
from typing import Any, Literal

from django.db import DatabaseError, InterfaceError, transaction
from django.db.models.functions import Now
from langgraph.errors import EmptyInputError, GraphRecursionError, InvalidUpdateError

from bo1site.resilience import faults
from bo1site.resilience.database import is_transient, retry_db
from llm.errors import LLMError
from sessions.events import LeaseLost
from sessions.graph.failures import DeliberationFailed
from sessions.models import Checkpoint, Event, Run, Session, Status
from sessions.runner import metrics
from sessions.runner.lease import Claim
from sessions.services import wake
from sessions.transitions import IllegalTransition, transition

log = logging.getLogger(__name__)

Kind = Literal["completed", "failed", "released", "evicted", "waiting", "paused", "killed", "lost"]

#: Codes that speak of our own database: the session goes back into the line instead of failing.
_AWAY = frozenset({"storage_unavailable"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """``failure``: code, message, recoverable, node, detail. ``questions`` (or ``review``) and
    ``interrupt_id``: what it waits for."""

    kind: Kind
    failure: dict[str, Any] = field(default_factory=dict)
    questions: list[str] = field(default_factory=list)
    interrupt_id: str = ""
    review: dict[str, Any] | None = None


#: What fails on our side: exception, code, whether the same step can succeed when it is tried again, words.
_TAXONOMY: tuple[tuple[type[BaseException], str, bool, str], ...] = (
    (
        GraphRecursionError,
        "too_many_steps",
        False,
        "The deliberation took more steps than it may. Start it again with fewer rounds.",
    ),
    (
        InvalidUpdateError,
        "state_mismatch",
        True,
        "The stored state does not fit this version of the board. Retry from an earlier step, or start again.",
    ),
    (
        EmptyInputError,
        "state_mismatch",
        True,
        "The stored state does not fit this version of the board. Retry from an earlier step, or start again.",
    ),
    (
        KeyError,
        "state_mismatch",
        True,
        "Something is missing in the stored state. Retry from an earlier step; if it fails again, start anew.",
    ),
)
_INTERNAL = "A step failed for a reason of our own. What was done before is safe; a retry repeats only this step."


def of_error(error: BaseException, node: str = "") -> Outcome:
    """The outcome of an exception that left the graph."""
    if isinstance(error, LeaseLost):
        return Outcome("lost")
    if isinstance(error, (DeliberationFailed, LLMError)):
        if error.code in _AWAY:
            return Outcome("released")
        return _failed(error, error.code, error.message, error.recoverable, getattr(error, "node", "") or node)
    if isinstance(error, (DatabaseError, InterfaceError)) and is_transient(error):
        return Outcome("released")  # it was tried for long; whoever claims it next tries again
    for kind, code, recoverable, message in _TAXONOMY:
        if isinstance(error, kind):
            return _failed(error, code, message, recoverable, node)
    return _failed(error, "internal_error", _INTERNAL, True, node)


def failed(code: str, message: str, *, recoverable: bool, node: str = "", detail: str = "") -> Outcome:
    return Outcome(
        "failed",
        {"code": code, "message": message, "recoverable": recoverable, "node": node, "detail": detail[:2000]},
    )


def _failed(error: BaseException, code: str, message: str, recoverable: bool, node: str) -> Outcome:
    log.warning("a step failed with %s: %r", code, error, exc_info=code == "internal_error")
    return failed(code, message, recoverable=recoverable, node=node, detail=f"{type(error).__name__}: {error}")


@retry_db
def settle(claim: Claim, outcome: Outcome) -> Kind:
    """Write down how a claimed session's run ended: status, event and run in one transaction, under the fence.

    Returns how it truly ended: ``completed`` or ``killed`` when the session says so, ``lost`` when it is no longer
    ours, ``paused`` for a released session that somebody had asked to pause. Safe to repeat.
    """
    try:
        with transaction.atomic():
            kind = _change(claim, outcome)
            Run.objects.filter(session_id=claim.session_id, fence=claim.fence).update(
                ended_at=Now(), outcome=kind, detail=outcome.failure.get("code", "")
            )
            faults.point("settle.before_commit")
        faults.point("settle.after_commit")
    except (LeaseLost, IllegalTransition):
        return "lost"
    metrics.OUTCOMES.labels(kind).inc()
    return kind


#: What has become of a run whose session does not run any more.
_SETTLED: dict[str, Kind] = {
    Status.COMPLETED: "completed",
    Status.KILLED: "killed",
    Status.FAILED: "failed",
    Status.PAUSED: "paused",
    Status.WAITING: "waiting",
}


def _change(claim: Claim, outcome: Outcome) -> Kind:
    session = Session.objects.select_for_update(no_key=True).get(pk=claim.session_id)
    if session.fence != claim.fence:
        raise LeaseLost(f"session {claim.session_id} moved on to fence {session.fence}")
    if session.status in _SETTLED:  # told twice: a commit whose answer was lost, or somebody was quicker
        return _SETTLED[session.status]
    kind = outcome.kind
    if session.status == Status.QUEUED:
        return kind if kind in ("released", "evicted") else "lost"
    if kind in ("completed", "lost"):
        return "lost"  # only the graph's own end completes a session
    if kind in ("released", "evicted") and session.requested == "pause":
        kind = "paused"
    elif kind == "paused" and session.requested != "pause":
        kind = "released"  # taken back after its last step was stored
    key = f"{kind}:{claim.fence}"
    idle: dict[str, Any] = {"requested": "", "requested_at": None, "requested_reason": "", "deadline": None}
    if kind in ("released", "evicted"):
        if kind == "released":
            idle = {}
        transition(claim.session_id, Status.QUEUED, data={"reason": kind}, key=key, fence=claim.fence, **idle)
        wake.runners()
    elif kind == "paused":
        data: dict[str, Any] = {"reason": session.requested_reason}
        transition(claim.session_id, Status.PAUSED, data=data, key=key, fence=claim.fence, **idle)
    elif kind == "waiting":
        data = {"questions": outcome.questions, "interrupt_id": outcome.interrupt_id}
        if outcome.review is not None:
            data["review"] = outcome.review
        transition(claim.session_id, Status.WAITING, data=data, key=key, fence=claim.fence, **idle)
    elif kind == "failed":
        failure = _counted(claim, outcome.failure)
        data = {name: failure[name] for name in ("code", "message", "recoverable", "node", "attempt")}
        transition(claim.session_id, Status.FAILED, data=data, key=key, fence=claim.fence, failure=failure, **idle)
    return kind


def _counted(claim: Claim, failure: dict[str, Any]) -> dict[str, Any]:
    """``failure`` with the number of times in a row that this step failed so, and the checkpoint a retry starts from.

    The same unexplained failure three times in a row is no accident: then a retry cannot be promised to help.
    """
    attempt = 1
    earlier = Event.objects.filter(session_id=claim.session_id, type="session_failed", superseded=False)
    newest = earlier.order_by("-sequence").values_list("data", flat=True).first()
    if newest and (newest.get("code"), newest.get("node")) == (failure["code"], failure["node"]):
        attempt = int(newest.get("attempt", 1)) + 1
    recoverable = failure["recoverable"] and not (failure["code"] == "internal_error" and attempt >= 3)
    checkpoint = (
        Checkpoint.objects.filter(thread_id=str(claim.session_id), checkpoint_ns="", superseded=False)
        .order_by("-checkpoint_id")
        .values_list("checkpoint_id", flat=True)
        .first()
    )
    return {**failure, "attempt": attempt, "recoverable": recoverable, "checkpoint": checkpoint or ""}
