"""What depends on what: tie and untie."""

from typing import Any
from uuid import UUID

from django.db import transaction

from replanning.errors import Conflict, PlanError
from replanning.holding import Edge, cycle
from replanning.models import Action, ActionDependency, Kind
from replanning.models.dependency import MAX_LAG
from replanning.services import plan
from replanning.services.access import locked_action
from replanning.services.retrying import retried
from sessions.services.audit import record

MAX_DEPENDENCIES = 50


@retried
def tie(
    action_id: UUID, predecessor_id: UUID, *, actor: Any, kind: Kind = Kind.FINISH_TO_START, lag: int = 0
) -> ActionDependency:
    """Let an action depend on another of its project; holds and dates follow at once.

    Raises ``Conflict`` with code ``cycle`` that names the actions of the cycle it would close. A tie of the same kind
    that exists already gets the new lag.
    """
    if not -MAX_LAG <= lag <= MAX_LAG:
        raise PlanError("out_of_range", f"The lag is at most {MAX_LAG} days, either way.", field="lag")
    with transaction.atomic():
        action = locked_action(action_id, actor)
        predecessor = Action.objects.filter(pk=predecessor_id, project_id=action.project_id).first()
        if predecessor is None:
            raise PlanError("unknown_action", "There is no such action in this project.", field="predecessor")
        refuse_cycle(action, predecessor)
        if action.dependencies.count() >= MAX_DEPENDENCIES:
            raise PlanError("too_many", f"An action depends on at most {MAX_DEPENDENCIES} others.", field="predecessor")
        found, _ = ActionDependency.objects.update_or_create(
            action=action, predecessor=predecessor, kind=kind, defaults={"lag": lag}
        )
        record(actor, "tie", action, after={"predecessor": str(predecessor.pk), "kind": kind.value, "lag": lag})
        plan.settle(action.project_id, dates=True, because=f"depends on “{predecessor.title}”")
    return found


@retried
def untie(dependency_id: int, *, actor: Any) -> None:
    """Remove a dependency; holds that came from it are lifted, dates stay where they are."""
    with transaction.atomic():
        row = ActionDependency.objects.filter(pk=dependency_id).values_list("action_id", flat=True).first()
        if row is None:
            raise PlanError("not_found", "There is no such dependency.")
        action = locked_action(row, actor)
        gone = ActionDependency.objects.select_related("predecessor").filter(pk=dependency_id).first()
        if gone is None:
            return
        gone.delete()
        record(actor, "untie", action, before={"predecessor": str(gone.predecessor_id), "kind": gone.kind})
        plan.settle(action.project_id, because=f"no longer depends on “{gone.predecessor.title}”")


def refuse_cycle(action: Action, predecessor: Action) -> None:
    """Raise ``Conflict`` when the dependency would close a cycle. The project is locked, so nobody else closes one."""
    loop = cycle(plan.edges_of(action.project_id), Edge(predecessor.pk, action.pk))
    if not loop:
        return
    titles = dict(Action.objects.filter(pk__in=loop).values_list("pk", "title"))
    chain = " → ".join(f"“{titles[pk]}”" for pk in loop)
    raise Conflict("cycle", f"That would be a circle: {chain}. Nothing in it could ever start.", field="predecessor")
