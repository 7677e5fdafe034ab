"""Retry a session from its newest checkpoint, or from an older one. It re-enters the line like any other."""

from typing import Any
from uuid import UUID

from django.db import transaction

from bo1site.resilience.database import retry_db
from sessions.graph.version import GRAPH_VERSION
from sessions.models import Checkpoint, Session, Status
from sessions.services import wake
from sessions.services.access import require
from sessions.services.audit import record
from sessions.services.control import locked
from sessions.transitions import IllegalTransition, transition


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
            live_until, place = _fork(session, checkpoint_id)
            data |= {"from_checkpoint": checkpoint_id, "live_until": live_until}
            changes = {**place, "think_afresh": not reuse_answers}
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


def _fork(session: Session, checkpoint_id: str) -> tuple[int, dict[str, Any]]:
    """Make a checkpoint the one to go on from; return the last sequence that still belongs to the live branch, and its
    phase and round."""
    from sessions.services import forking  # LangGraph takes a second to import: whoever forks waits, not every start

    thread = str(session.pk)
    target = Checkpoint.objects.filter(thread_id=thread, checkpoint_id=checkpoint_id, superseded=False).first()
    if target is None:
        raise CannotResume("unknown_checkpoint", "This session has no such step on its live branch.")
    return forking.fork(session, target), forking.phase_and_round(session.pk)


def retry_points(session: Session) -> list[Checkpoint]:
    """Checkpoints of the live branch from which a retry may start, newest first: those of the deliberation, and those
    inside the debates but their ends."""
    found = Checkpoint.objects.filter(thread_id=str(session.pk), superseded=False).exclude(source="input")
    return [
        point
        for point in found.order_by("-checkpoint_id")
        if not point.checkpoint_ns or "results" not in (point.body.get("updated_channels") or [])
    ]
