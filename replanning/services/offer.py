"""What becomes of a replan: its session ends, its plan is offered, accepted or declined (RP3)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from replanning import states, texts
from replanning.errors import Conflict, PlanError
from replanning.models import Action, ActionDependency, Replan, Stage, State
from replanning.models.replan import OPEN
from replanning.services import actions, plan
from replanning.services.accept import Item, NothingAccepted, Report, choose, proposals_of, summary, write
from replanning.services.access import SYSTEM, locked_action, locked_replan
from replanning.services.retrying import retried
from sessions.models import Session, Status
from sessions.services.audit import record

_UNWANTED = (State.DONE, State.CANCELLED, State.REPLANNED)


@retried
def settle(session_id: UUID | str) -> list[Replan]:
    """Draw the consequences of a session's end. Harmless when repeated, and when the session is not over."""
    settled = []
    for replan_id, action_id in Replan.objects.filter(session_id=session_id).values_list("pk", "action_id"):
        with transaction.atomic():
            action = locked_action(action_id, SYSTEM, with_project=False)
            current = (
                Replan.objects.select_for_update(no_key=True, of=("self",)).select_related("session").get(pk=replan_id)
            )
            settled.append(settle_locked(current, action))
    return settled


def settle_locked(current: Replan, action: Action) -> Replan:
    """Bring a replan to the stage that its session's status asks for. Both rows are locked.

    A completed session offers its plan; one that failed, was stopped or is gone closes the replan, and the action can
    be replanned again. A failed session that somebody retried, and that completed after all, offers its plan too,
    unless another replan has been opened meanwhile.
    """
    status = _status(current.session_id)
    if current.stage == Stage.LIVE and status in (None, Status.FAILED, Status.KILLED):
        why = "is gone" if status is None else "failed" if status == Status.FAILED else "was stopped"
        close(current, action, Stage.DIED, f"Its session {why}.")
    elif status == Status.COMPLETED and (
        current.stage == Stage.LIVE or (current.stage == Stage.DIED and _has_room(action))
    ):
        _offer(current, action)
    return current


def _status(session_id: UUID | None) -> str | None:
    """The session's status as it is now; None when there is no such session."""
    if session_id is None:
        return None
    return Session.objects.filter(pk=session_id).values_list("status", flat=True).first()


def _has_room(action: Action) -> bool:
    return action.status in states.REPLANNABLE and not action.replans.filter(stage__in=OPEN).exists()


def _offer(current: Replan, action: Action) -> None:
    if current.session_id is None or not proposals_of(current.session_id):
        if current.stage == Stage.LIVE:
            close(current, action, Stage.DIED, "Its session proposed no actions.")
        return
    if action.status in _UNWANTED:
        close(current, action, Stage.DECLINED, f"The action is {action.get_status_display().lower()} meanwhile.")
        return
    current.stage, current.outcome, current.ended_at = Stage.OFFERED, "", None
    current.save(update_fields=["stage", "outcome", "ended_at"])
    Action.objects.filter(pk=action.pk).update(replan_session=current.session_id)
    action.replan_session_id = current.session_id
    record(SYSTEM, "offer_plan", action, after={"replan": str(current.pk), "session": str(current.session_id)})


def close(current: Replan, action: Action, stage: Stage, outcome: str, *, actor: Any = SYSTEM) -> None:
    """End a replan that led to nothing; the action has room for another one."""
    before = {"stage": current.stage}
    current.stage, current.outcome, current.ended_at = stage, outcome, timezone.now()
    current.save(update_fields=["stage", "outcome", "ended_at"])
    release(action)
    record(
        actor, "close_replan", action, reason=outcome, before=before, after={"replan": str(current.pk), "stage": stage}
    )


def release(action: Action) -> None:
    """The action points to no replanning session any more."""
    Action.objects.filter(pk=action.pk).update(replan_session=None, replan_requested_at=None)
    action.replan_session = action.replan_requested_at = None


@retried
def decline(replan_id: UUID, *, actor: Any, reason: str = "") -> Replan:
    """Say no to a plan on offer; the action stays as it is and can be replanned again."""
    with transaction.atomic():
        current, action = locked_replan(replan_id, actor)
        if current.stage == Stage.DECLINED:
            return current
        _require_offer(current)
        why = texts.checked(reason, "reason", texts.MAX_REASON)
        close(current, action, Stage.DECLINED, why or "The new plan was declined.", actor=actor)
    return current


@retried
def accept_plan(replan_id: UUID, *, actor: Any, items: Sequence[Item] | None = None) -> Report:
    """Put the new plan in the place of the old action, which becomes *replanned*.

    The new actions take over whatever waited for the old one. One transaction; bad rows are left out and reported,
    and when all are bad nothing changes (``NothingAccepted``). A second press reports what the first has made.
    """
    with transaction.atomic():
        current, action = locked_replan(replan_id, actor)
        if current.stage == Stage.ACCEPTED:
            return Report(action.project, already=list(action.replacements.order_by("position")))
        _require_offer(current)
        if current.session is None:
            raise Conflict("no_offer", "The session that made this plan is gone. Replan the action again.")
        report = Report(action.project)
        chosen = choose(current.session.pk, items)
        write(report, current.session, list(enumerate(chosen)), replaces=action)
        if not report.accepted:
            raise NothingAccepted(report.rejected)
        _hand_over(action, report.accepted)
        for state in states.path_to_replanned(State(action.status)):
            before = {"status": action.status}
            actions.apply_state(action, state)
            record(
                actor, "move_action", action, reason="A new plan was accepted", before=before, after={"status": state}
            )
        release(action)
        current.stage, current.ended_at = Stage.ACCEPTED, timezone.now()
        current.save(update_fields=["stage", "ended_at"])
        record(actor, "accept_plan", action, after=summary(current.session, report))
        plan.settle(action.project_id, dates=True, because=f"“{action.title}” was replanned")
    return report


def _require_offer(current: Replan) -> None:
    if current.stage != Stage.OFFERED:
        raise Conflict("no_offer", f"There is no plan on offer: {current.get_stage_display().lower()}.")


def _hand_over(old: Action, new: list[Action]) -> None:
    """What waited for the old action waits for each of the new ones. They wait for nothing, so no circle closes."""
    ActionDependency.objects.bulk_create(
        [
            ActionDependency(action_id=tie.action_id, predecessor=one, kind=tie.kind, lag=tie.lag)
            for tie in old.dependants.all()
            for one in new
        ]
    )


__all__ = ["PlanError", "accept_plan", "close", "decline", "release", "settle", "settle_locked"]
