"""Retry a session from its newest checkpoint, or from an older one. It re-enters the line like any other."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Max, TextField, Value
from django.db.models.functions import Concat

from bo1site.resilience.database import retry_db
from sessions import event_types
from sessions.graph.build import GRAPH_VERSION, build
from sessions.graph.saver import Saver
from sessions.models import (
    ActionProposal,
    Assessment,
    Checkpoint,
    Contribution,
    Event,
    Intervention,
    Memo,
    Recommendation,
    Seat,
    Session,
    Status,
    SubProblem,
)
from sessions.services import wake
from sessions.services.access import require
from sessions.services.audit import record
from sessions.services.control import locked
from sessions.transitions import IllegalTransition, transition

_ROWS: tuple[Any, ...] = (
    SubProblem,
    Seat,
    Contribution,
    Assessment,
    Intervention,
    Recommendation,
    Memo,
    ActionProposal,
)
#: What the graph says, as opposed to what happened to the session: only this belongs to a branch.
_OF_A_BRANCH = [
    name
    for name in event_types.SCHEMAS
    if not name.startswith("session_") and name not in ("interjection", "clarification_answered", "frame_reviewed")
]


class CannotResume(Exception):
    """The session cannot be carried on from there; ``code`` says why, the text what to do."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


@retry_db(nested="join")
def resume_session_from_checkpoint(
    session_id: UUID | str,
    checkpoint_id: str | None = None,
    *,
    actor: Any,
    reason: str = "",
    reuse_answers: bool = True,
) -> Session:
    """Carry on a failed or paused session; status, events, audit entry and queue entry commit together.

    Without ``checkpoint_id`` it continues after its last step: nothing that was paid is paid again. With one it forks
    there: what came later is kept and marked superseded, and the new branch is the live one; ``reuse_answers`` takes
    the answers of the old branch where a prompt is identical, else every model is asked again.

    Pressing it twice does what pressing it once does. Raises ``NotAllowed``, ``IllegalTransition``, ``CannotResume``.
    """
    with transaction.atomic():
        session = locked(session_id)
        require(actor, session)
        if session.status in (Status.QUEUED, Status.RUNNING):
            return session
        if session.status not in (Status.FAILED, Status.PAUSED):
            raise IllegalTransition(session.pk, session.status, Status.QUEUED)
        _check(session, checkpoint_id)
        data: dict[str, Any] = {"reason": "retried"}
        changes: dict[str, Any] = {}
        if checkpoint_id is not None:
            data |= {"from_checkpoint": checkpoint_id, "live_until": _fork(session, checkpoint_id)}
            changes = {**_place(session.pk), "think_afresh": not reuse_answers}
        record(
            actor,
            "retry",
            session,
            reason=reason,
            before={"status": session.status, "failure": (session.failure or {}).get("code", "")},
            after={"checkpoint": checkpoint_id or "", "reuse_answers": reuse_answers},
        )
        transition(
            session.pk,
            Status.QUEUED,
            data=data,
            only_from=Status(session.status),
            claims=0,
            failure=None,
            deadline=None,
            requested="",
            requested_at=None,
            requested_reason="",
            **changes,
        )
        wake.runners()
    session.refresh_from_db()
    return session


def _check(session: Session, checkpoint_id: str | None) -> None:
    if session.graph_version != GRAPH_VERSION:
        raise CannotResume(
            "graph_version", "Another version of the board's procedure began this session. Start the decision again."
        )
    failure = session.failure or {}
    if checkpoint_id is None and session.status == Status.FAILED and not failure.get("recoverable", False):
        raise CannotResume(
            "not_recoverable",
            "Trying the same step again cannot help: "
            + str(failure.get("message", "it failed for good."))
            + " Retry from an earlier step, or start the decision again.",
        )


def _fork(session: Session, checkpoint_id: str) -> int:
    """Make a copy of a checkpoint the newest one; return the last sequence that still belongs to the live branch."""
    thread = str(session.pk)
    history = Checkpoint.objects.filter(thread_id=thread)
    target = history.filter(checkpoint_ns="", checkpoint_id=checkpoint_id, superseded=False).first()
    if target is None:
        raise CannotResume("unknown_checkpoint", "This session has no such step on its live branch.")
    fence = session.fence + 1  # whoever still holds the session writes nothing more
    Session.objects.filter(pk=session.pk).update(fence=fence)
    config: Any = {"configurable": {"thread_id": thread, "checkpoint_ns": "", "checkpoint_id": checkpoint_id}}
    copy = build(Saver()).update_state(config, None, as_node="__copy__")["configurable"]["checkpoint_id"]
    history.filter(checkpoint_id__gt=checkpoint_id, superseded=False).exclude(checkpoint_id=copy).update(
        superseded=True
    )
    # Keys name places in the deliberation, and the new branch comes by the same places: it takes them over.
    renamed = Concat(F("key"), Value(f"~{fence}"), output_field=TextField())
    for table in _ROWS:
        left = table.objects.filter(session=session, checkpoint_id__gte=checkpoint_id, superseded=False)
        left.update(superseded=True, key=renamed)
    said = Event.objects.filter(
        session=session, checkpoint_id__gte=checkpoint_id, superseded=False, type__in=_OF_A_BRANCH
    )
    said.update(superseded=True, key=renamed)
    live = Event.objects.filter(session=session, superseded=False, type__in=_OF_A_BRANCH)
    return int(live.aggregate(last=Max("sequence"))["last"] or 0)


def _place(session_id: UUID) -> dict[str, Any]:
    """Phase and round of the live branch, as its events tell."""
    live = Event.objects.filter(session_id=session_id, superseded=False).order_by("-sequence")
    phase = live.filter(type="phase_started").values_list("data__phase", flat=True).first()
    opened = live.filter(type="round_started").values_list("data__round", flat=True).first()
    return {"phase": phase or "", "round": opened or 0}


def retry_points(session: Session) -> list[Checkpoint]:
    """Checkpoints of the live branch from which a retry may start, newest first."""
    return list(
        Checkpoint.objects.filter(thread_id=str(session.pk), checkpoint_ns="", superseded=False)
        .exclude(source="input")
        .order_by("-checkpoint_id")
    )
