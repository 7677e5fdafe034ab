"""Actions: add, change, move along."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from replanning import states, texts
from replanning.errors import Conflict, PlanError
from replanning.models import Action, Priority, Stage, State
from replanning.models.replan import OPEN
from replanning.services import plan
from replanning.services.access import locked_action, locked_project
from replanning.services.retrying import retried
from sessions.services.audit import record

#: Dates outside this range are typing errors.
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 12, 31)
MAX_ACTIONS = 5_000
#: What its owner may change directly; the state has rules of its own.
EDITABLE = ("title", "what", "success", "kill", "priority", "owner", "start_on", "due_on", "progress", "blocked_reason")


def check_fields(given: Mapping[str, Any], current: Action | None = None) -> dict[str, Any]:
    """``given`` as it is kept. Raises ``PlanError`` that names the field at fault."""
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in EDITABLE:
            raise PlanError("unknown_field", f"“{name}” cannot be changed here.", field=name)
        values[name] = _value(name, value)
    start = values.get("start_on", current and current.start_on)
    due = values.get("due_on", current and current.due_on)
    if start and due and start > due:
        raise PlanError("dates_reversed", "The action would be due before it starts.", field="due_on")
    return values


def _value(name: str, value: Any) -> Any:
    match name:
        case "title":
            return texts.checked(value, name, texts.MAX_TITLE, required=True)
        case "owner":
            return texts.checked(value, name, texts.MAX_OWNER)
        case "what" | "success" | "kill":
            return texts.checked(value, name, texts.MAX_PROSE)
        case "blocked_reason":
            return texts.checked(value, name, texts.MAX_REASON)
        case "priority":
            if value not in Priority.values:
                raise PlanError("invalid_choice", f"“{value}” is none of: {', '.join(Priority.values)}.", field=name)
        case "progress":
            if type(value) is not int or not 0 <= value <= 100:
                raise PlanError("out_of_range", "Progress is a whole number from 0 to 100.", field=name)
        case "start_on" | "due_on":
            if value is not None and not FIRST_DAY <= value <= LAST_DAY:
                raise PlanError("out_of_range", f"Dates lie between {FIRST_DAY} and {LAST_DAY}.", field=name)
    return value


def next_position(project_id: UUID) -> int:
    """The position after the last; the caller has locked the project."""
    rows = Action.objects.filter(project_id=project_id)
    if rows.count() >= MAX_ACTIONS:
        raise Conflict("too_many_actions", f"A project holds at most {MAX_ACTIONS:,} actions. Open another one.")
    last = rows.aggregate(last=Max("position"))["last"]
    return 0 if last is None else int(last) + 1


@retried
def add(project_id: UUID, fields: Mapping[str, Any], *, actor: Any) -> Action:
    with transaction.atomic():
        project = locked_project(project_id, actor)
        values = check_fields({"title": "", **fields})
        action = Action.objects.create(project=project, position=next_position(project.pk), **values)
        record(actor, "add_action", action, after={"title": action.title})
    return action


@retried
def edit(action_id: UUID, changes: Mapping[str, Any], *, actor: Any) -> Action:
    """Change fields; dates of other actions follow. What is over keeps its dates and progress."""
    with transaction.atomic():
        action = locked_action(action_id, actor)
        values = {name: v for name, v in check_fields(changes, action).items() if getattr(action, name) != v}
        closed = State(action.status) in states.CLOSED
        if closed and values.keys() & {"start_on", "due_on", "progress", "blocked_reason"}:
            raise Conflict(
                "action_closed", f"The action is {action.get_status_display().lower()}; that is history now."
            )
        if not values:
            return action
        before = {name: _plain(getattr(action, name)) for name in values}
        for name, value in values.items():
            setattr(action, name, value)
        action.save(update_fields=[*values, "updated_at"])
        record(actor, "edit_action", action, before=before, after={name: _plain(v) for name, v in values.items()})
        if values.keys() & {"start_on", "due_on"}:
            plan.settle(action.project_id, dates=True, because=f"“{action.title}” moved")
            action.refresh_from_db()
    return action


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


@retried
def move(action_id: UUID, wanted: State, *, actor: Any, reason: str = "") -> Action:
    """Bring an action into another state, and hold or lift those that depend on it.

    Raises ``Conflict``: ``illegal_action_change`` when the table of states forbids it, ``held`` when a predecessor
    does. Blocking needs a ``reason``: it is what the board will be asked to get around.
    """
    with transaction.atomic():
        action = locked_action(action_id, actor)
        if wanted is State.REPLANNED:
            raise Conflict("illegal_action_change", "An action becomes replanned when its new plan is accepted.")
        why = texts.checked(reason, "reason", texts.MAX_REASON, required=wanted is State.BLOCKED)
        _enter(action, wanted, actor, why)
        plan.settle(action.project_id, because=f"“{action.title}” is {wanted.label.lower()}")
        action.refresh_from_db()
    return action


def _enter(action: Action, wanted: State, actor: Any, reason: str) -> None:
    current = State(action.status)
    states.check(current, wanted)
    if wanted in (State.TODO, State.IN_PROGRESS) and current is not State.IN_REVIEW:
        _refuse_held(action, plan.holders(action) if wanted is State.IN_PROGRESS or action.held else [], "start")
    if wanted is State.DONE:
        _refuse_held(action, plan.holders(action, of_finish=True), "be finished")
    apply_state(action, wanted, reason)
    record(
        actor, "move_action", action, reason=reason, before={"status": current.value}, after={"status": wanted.value}
    )
    if wanted in (State.DONE, State.CANCELLED):
        _drop_offer(action, wanted)


def _refuse_held(action: Action, holders: list[Action], what: str) -> None:
    if holders:
        names = ", ".join(f"“{holder.title}”" for holder in holders[:3]) + (" and others" if len(holders) > 3 else "")
        raise Conflict("held", f"“{action.title}” cannot {what} yet: it waits for {names}.")


def apply_state(action: Action, wanted: State, reason: str = "") -> None:
    """Write the state and what follows from it; the caller has checked that it is legal."""
    now = timezone.now()
    action.status, action.held = wanted.value, False
    action.blocked_reason = _why(action, reason)
    if wanted is State.TODO:
        action.started_at = None
    elif wanted in states.STARTED:
        action.started_at = action.started_at or now
    action.finished_at = now if wanted in states.CLOSED else None
    if wanted is State.DONE:
        action.progress = 100
    action.save(
        update_fields=["status", "held", "blocked_reason", "started_at", "finished_at", "progress", "updated_at"]
    )


def _why(action: Action, reason: str) -> str:
    """What went wrong is kept while it matters: the board is told when the action is replanned."""
    if action.status in (*states.REPLANNABLE, State.REPLANNED):
        return reason or action.blocked_reason
    return ""


def _drop_offer(action: Action, wanted: State) -> None:
    """Nobody needs a new plan for what is done or cancelled."""
    outcome = f"The action is {wanted.label.lower()}."
    dropped = action.replans.filter(stage=Stage.OFFERED).update(
        stage=Stage.DECLINED, outcome=outcome, ended_at=timezone.now()
    )
    if dropped and not action.replans.filter(stage__in=OPEN).exists():
        Action.objects.filter(pk=action.pk).update(replan_session=None, replan_requested_at=None)
