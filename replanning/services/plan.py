"""Bring a whole plan to rest after a change: holds, and the dates that follow from each other.

The caller has locked the project.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import Q

from replanning.holding import Edge, Standing, holds_finish, holds_start, settled
from replanning.models import Action, ActionDependency, Kind, State
from replanning.schedule import Span, cascade
from replanning.services.access import SYSTEM
from replanning.states import CLOSED
from sessions.models import AuditEntry


def edges_of(project_id: UUID) -> list[Edge[UUID]]:
    rows = ActionDependency.objects.filter(action__project_id=project_id)
    return [
        Edge(predecessor, action, Kind(kind), lag)
        for predecessor, action, kind, lag in rows.values_list("predecessor_id", "action_id", "kind", "lag")
    ]


def settle(project_id: UUID, *, dates: bool = False, because: str = "") -> None:
    """Hold what may not start, lift holds that have gone and, with ``dates``, move what is pushed by others.

    Five statements at most, however many actions the project has and however many change.
    """
    edges = edges_of(project_id)
    concerned = {edge.action for edge in edges} | {edge.predecessor for edge in edges}
    found = Action.objects.filter(Q(pk__in=concerned) | Q(held=True), project_id=project_id)
    rows = {action.pk: action for action in found.order_by("pk")}
    changed: list[Action] = []
    trail: list[AuditEntry] = []
    standings = {pk: standing(action) for pk, action in rows.items()}
    for pk, new in settled(standings, edges).items():
        action = rows[pk]
        action.status, action.held = new.state.value, new.held
        if not new.held:
            action.blocked_reason = ""
        changed.append(action)
        trail.append(_entry("hold" if new.held else "lift_hold", action, because, {}, {"status": new.state.value}))
    if dates:
        spans = {pk: Span(row.start_on, row.due_on, State(row.status) in CLOSED) for pk, row in rows.items()}
        for pk, span in cascade(spans, edges).items():
            action = rows[pk]
            before = _dates(action.start_on, action.due_on)
            action.start_on, action.due_on = span.start, span.due
            changed.append(action)
            trail.append(_entry("move_dates", action, because, before, _dates(span.start, span.due)))
    if changed:
        Action.objects.bulk_update(
            list(dict.fromkeys(changed)), ["status", "held", "blocked_reason", "start_on", "due_on"], batch_size=500
        )
        AuditEntry.objects.bulk_create(trail, batch_size=500)


def standing(action: Action) -> Standing:
    return Standing(State(action.status), action.held, action.started_at is not None)


def holders(action: Action, *, of_finish: bool = False) -> list[Action]:
    """The predecessors that keep ``action`` from starting (or from being finished), as they are now."""
    rule = holds_finish if of_finish else holds_start
    rows: Iterable[ActionDependency] = action.dependencies.select_related("predecessor").order_by("id")
    return [row.predecessor for row in rows if rule(Kind(row.kind), standing(row.predecessor))]


def _dates(start: date | None, due: date | None) -> dict[str, Any]:
    return {"start_on": start and start.isoformat(), "due_on": due and due.isoformat()}


def _entry(verb: str, action: Action, reason: str, before: dict[str, Any], after: dict[str, Any]) -> AuditEntry:
    return AuditEntry(
        actor=SYSTEM,
        action=verb,
        object_type="action",
        object_id=str(action.pk),
        reason=reason,
        before=before,
        after=after,
    )
