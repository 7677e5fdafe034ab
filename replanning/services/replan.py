"""Bring a blocked action back to the board (RP1, RP2)."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from replanning import texts
from replanning.errors import Conflict
from replanning.models import Action, LinkKind, ProjectSession, Replan, State
from replanning.models.replan import OPEN
from replanning.question import question
from replanning.services import offer
from replanning.services.access import locked_action
from replanning.services.retrying import retried
from replanning.states import REPLANNABLE
from sessions.services import start as sessions
from sessions.services.audit import record


@dataclass(frozen=True, slots=True)
class Asked:
    """The open replan of an action; ``fresh`` when this very call has started it."""

    replan: Replan
    fresh: bool


@retried
def replan(action_id: UUID, *, actor: Any, reason: str = "") -> Asked:
    """Start a session that replans the action, or return the one that is open already.

    One transaction: session, its queue entry, link, replan and the fields of the action commit together or not at
    all, and an error is raised, never swallowed. The row of the action is locked first, so of many who press at once
    one starts a session and the others are given the same. A replan whose session is dead is closed on the way, so
    it never stands in the way of the next. Raises ``Conflict`` (``not_replannable``) and ``Forbidden``.
    """
    with transaction.atomic():
        action = locked_action(action_id, actor, with_project=False)
        current = open_replan(action)
        if current is not None and offer.settle_locked(current, action).is_open:
            return Asked(current, fresh=False)
        if action.status not in REPLANNABLE:
            raise Conflict(
                "not_replannable",
                f"The action is {State(action.status).label.lower()}. Only what is blocked, failed or abandoned can be "
                "replanned; block it first and say why.",
            )
        return Asked(_begin(action, actor, texts.checked(reason, "reason", texts.MAX_REASON)), fresh=True)


def open_replan(action: Action) -> Replan | None:
    """The replan that is under way or on offer, locked; there is one at most."""
    rows = Replan.objects.select_for_update(no_key=True, of=("self",)).select_related("session")
    return rows.filter(action=action, stage__in=OPEN).first()


def _begin(action: Action, actor: Any, reason: str) -> Replan:
    session = sessions.create(action.project.owner, question(action, reason))
    fresh = Replan.objects.create(
        action=action, session=session, reason=reason or action.blocked_reason, requested_by=actor
    )
    ProjectSession.objects.create(project=action.project, session=session, kind=LinkKind.REPLANNING, action=action)
    action.replan_session, action.replan_requested_at = session, timezone.now()
    action.save(update_fields=["replan_session", "replan_requested_at", "updated_at"])
    record(actor, "replan", action, reason=reason, after={"session": str(session.pk), "replan": str(fresh.pk)})
    fresh.session = sessions.start(session, actor=actor, reason=f"Replans the action “{action.title}”")
    return fresh
