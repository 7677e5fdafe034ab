"""Which status may follow which, and the one way to change it."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from sessions import event_types, events
from sessions.models import Session, Status
from sessions.signals import session_ended

#: The whole machine. A status without successors is final.
TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.CREATED: frozenset({Status.QUEUED, Status.KILLED}),
    Status.QUEUED: frozenset({Status.RUNNING, Status.PAUSED, Status.KILLED}),
    Status.RUNNING: frozenset(
        {Status.COMPLETED, Status.FAILED, Status.KILLED, Status.WAITING, Status.PAUSED, Status.QUEUED}
    ),
    Status.WAITING: frozenset({Status.QUEUED, Status.KILLED}),
    Status.PAUSED: frozenset({Status.QUEUED, Status.KILLED}),
    Status.FAILED: frozenset({Status.QUEUED}),
    Status.COMPLETED: frozenset(),
    Status.KILLED: frozenset(),
}

_ENDS = (Status.COMPLETED, Status.FAILED, Status.KILLED)


class IllegalTransition(Exception):
    """The session is not in a status from which this change is legal."""

    code = "illegal_transition"

    def __init__(self, session_id: UUID | str, current: str | None, wanted: Status) -> None:
        self.session_id, self.current, self.wanted = session_id, current, wanted
        now = "does not exist" if current is None else f"is {Status(current).label.lower()}"
        super().__init__(f"The session {now}, so it cannot become “{wanted.label.lower()}”.")


def sources(wanted: Status) -> list[str]:
    """The statuses from which ``wanted`` may be entered."""
    return [source.value for source, targets in TRANSITIONS.items() if wanted in targets]


def transition(
    session_id: UUID | str,
    wanted: Status,
    *,
    event: str = "",
    data: dict[str, Any] | None = None,
    key: str = "",
    fence: int | None = None,
    only_from: Status | None = None,
    checkpoint_id: str = "",
    **changes: Any,
) -> int:
    """Change the status and append the event that says so, in one transaction; return the event's sequence.

    The update is conditional on a legal source status (and on ``fence`` when given) and its row count is checked:
    ``events.LeaseLost`` when the fence is not ours any more, ``IllegalTransition`` otherwise. ``changes`` are further
    fields of the session to set. Leaving RUNNING gives up the lease.
    """
    values: dict[str, Any] = {"status": wanted, **changes}
    if wanted is not Status.RUNNING:
        values |= {"lease_owner": "", "lease_until": None}
    if wanted is Status.QUEUED:
        values.setdefault("queued_at", Now())
        values.setdefault("finished_at", None)
    if wanted in _ENDS:
        values.setdefault("finished_at", Now())
    with transaction.atomic():
        rows = Session.objects.filter(pk=session_id, status__in=[only_from] if only_from else sources(wanted))
        if fence is not None:
            rows = rows.filter(fence=fence)
        if rows.update(**values) == 0:
            current = Session.objects.filter(pk=session_id).values_list("status", "fence").first()
            if fence is not None and current is not None and current[1] != fence:
                raise events.LeaseLost(f"session {session_id} moved on to fence {current[1]}")
            raise IllegalTransition(session_id, current[0] if current else None, wanted)
        head = events.lock(session_id)
        draft = events.Draft(event or event_types.STATUS_EVENT[wanted], data or {}, key)
        sequence = events.append_locked(session_id, head, [draft], checkpoint_id=checkpoint_id)
        if wanted in _ENDS:
            session_ended.send_robust(sender=Session, session_id=session_id, status=wanted)
        return sequence


__all__ = ["TRANSITIONS", "IllegalTransition", "sources", "transition"]
