"""The life of an action: one readable table, and no way around it."""

from collections.abc import Callable
from itertools import pairwise, product
from typing import Any

import pytest

from replanning.errors import Conflict, Forbidden, PlanError
from replanning.models import Action, Project, State
from replanning.services import actions, projects
from replanning.states import TRANSITIONS, path_to_replanned
from sessions.models import AuditEntry

#: The table as the requirement has it, written a second time on purpose.
REQUIRED = {
    "todo": "in_progress blocked cancelled abandoned",
    "in_progress": "todo blocked in_review done cancelled failed abandoned",
    "in_review": "in_progress done cancelled failed",
    "blocked": "todo in_progress cancelled failed abandoned",
    "failed": "replanned",
    "abandoned": "replanned",
    "done": "",
    "cancelled": "",
    "replanned": "",
}


def test_the_table_is_the_one_that_is_required() -> None:
    assert {state.value: {target.value for target in targets} for state, targets in TRANSITIONS.items()} == {
        state: set(targets.split()) for state, targets in REQUIRED.items()
    }


@pytest.mark.parametrize(("current", "wanted"), [p for p in product(State, State) if p[1] is not State.REPLANNED])
def test_every_pair_of_states_is_either_in_the_table_or_refused(
    make_action: Callable[..., Action], user: Any, current: State, wanted: State
) -> None:
    action = make_action()
    Action.objects.filter(pk=action.pk).update(status=current)
    if wanted in TRANSITIONS[current]:
        moved = actions.move(action.pk, wanted, actor=user, reason="Because")
        assert moved.status == wanted
        entry = AuditEntry.objects.filter(object_id=str(action.pk)).first()
        assert entry is not None
        assert (entry.before["status"], entry.after["status"], entry.reason) == (current, wanted, "Because")
    else:
        with pytest.raises(Conflict, match="cannot become"):
            actions.move(action.pk, wanted, actor=user, reason="Because")
        action.refresh_from_db()
        assert action.status == current


def test_nobody_moves_an_action_to_replanned_by_hand(make_action: Callable[..., Action], user: Any) -> None:
    with pytest.raises(Conflict):
        actions.move(make_action(state=State.FAILED).pk, State.REPLANNED, actor=user)


def test_the_way_to_replanned_keeps_to_the_table() -> None:
    for state in (State.TODO, State.BLOCKED, State.IN_PROGRESS, State.FAILED, State.ABANDONED):
        for before, after in pairwise([state, *path_to_replanned(state)]):
            assert after in TRANSITIONS[before]


def test_blocking_needs_a_reason(make_action: Callable[..., Action], user: Any) -> None:
    with pytest.raises(PlanError) as error:
        actions.move(make_action().pk, State.BLOCKED, actor=user, reason="  ")
    assert (error.value.code, error.value.field) == ("required", "reason")


def test_a_done_action_is_at_one_hundred_per_cent(make_action: Callable[..., Action]) -> None:
    action = make_action(state=State.DONE)
    assert (action.progress, action.finished_at is not None) == (100, True)


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"title": ""}, "required", "title"),
        ({"title": "x" * 161}, "too_long", "title"),
        ({"what": "a\x1bb"}, "control_characters", "what"),
        ({"priority": "urgent"}, "invalid_choice", "priority"),
        ({"progress": 101}, "out_of_range", "progress"),
        ({"status": "done"}, "unknown_field", "status"),
    ],
)
def test_a_field_out_of_bounds_is_named(
    make_action: Callable[..., Action], user: Any, changes: dict[str, Any], code: str, field: str
) -> None:
    with pytest.raises(PlanError) as error:
        actions.edit(make_action().pk, changes, actor=user)
    assert (error.value.code, error.value.field) == (code, field)


def test_only_the_owner_and_staff_with_the_permission_change_a_plan(
    project: Project, staff: Any, django_user_model: Any
) -> None:
    with pytest.raises(Forbidden):
        actions.add(project.pk, {"title": "Mine now"}, actor=django_user_model.objects.create_user("eve"))
    assert actions.add(project.pk, {"title": "From staff"}, actor=staff).title == "From staff"


def test_an_archived_project_is_changed_only_by_making_it_active_again(project: Project, user: Any) -> None:
    projects.edit(project.pk, {"status": "archived"}, actor=user)
    with pytest.raises(Conflict, match="archived"):
        actions.add(project.pk, {"title": "Late"}, actor=user)
    projects.edit(project.pk, {"status": "active"}, actor=user)
    assert actions.add(project.pk, {"title": "In time"}, actor=user)
