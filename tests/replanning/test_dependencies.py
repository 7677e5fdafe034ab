"""Dependencies: no circle, and holds and dates that come to the same rest in any order."""

import random
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from replanning.errors import Conflict, PlanError
from replanning.holding import Edge, Standing, cycle, holds_start, settled
from replanning.models import Action, ActionDependency, Kind, Project, State
from replanning.schedule import Span, cascade
from replanning.services import actions, dependencies, projects
from replanning.states import STARTED

NODES = 8
KINDS = st.sampled_from(list(Kind))
#: Ties between any two nodes, circles and all.
WISHES = st.lists(
    st.tuples(st.integers(0, NODES - 1), st.integers(0, NODES - 1), KINDS, st.integers(-5, 9)), max_size=24
)


def built(wishes: list[tuple[int, int, Kind, int]]) -> list[Edge[int]]:
    """The wishes that close no circle, tied one after the other as the service does."""
    edges: list[Edge[int]] = []
    for before, after, kind, lag in wishes:
        new = Edge(before, after, kind, lag)
        if not cycle(edges, new):
            edges.append(new)
    return edges


def has_circle(edges: list[Edge[int]]) -> bool:
    """By removing what waits for nothing until nothing is left: another way than the product's."""
    left, ties = set(range(NODES)), [(edge.predecessor, edge.action) for edge in edges]
    while free := left - {after for before, after in ties if before in left}:
        left -= free
    return bool(left)


@given(WISHES)
def test_a_random_graph_never_holds_a_circle_and_only_circles_are_refused(wishes: list[Any]) -> None:
    edges: list[Edge[int]] = []
    for before, after, kind, lag in wishes:
        new = Edge(before, after, kind, lag)
        loop = cycle(edges, new)
        assert bool(loop) == (before == after or has_circle([*edges, new]))
        if loop:
            assert loop[0] == loop[-1] == before
            ties = {(edge.predecessor, edge.action) for edge in [*edges, new]}
            assert all(pair in ties for pair in pairwise(loop)), "the circle that is named is one"
        else:
            edges.append(new)
        assert not has_circle(edges)


@st.composite
def standings(draw: Any) -> dict[int, Standing]:
    def one() -> Standing:
        state = draw(st.sampled_from(list(State)))
        held = state is State.BLOCKED and draw(st.booleans())
        return Standing(
            state, held, begun=state in STARTED or (state is not State.TODO and not held and draw(st.booleans()))
        )

    return {node: one() for node in range(NODES)}


@given(WISHES, standings(), st.randoms())
def test_holds_reach_the_same_fixed_point_in_any_order(wishes: list[Any], start: Any, chance: random.Random) -> None:
    edges = built(wishes)
    at_once = {**start, **settled(start, edges)}
    one_by_one = dict(start)
    order = list(range(NODES))
    while True:
        chance.shuffle(order)
        moved = False
        for node in order:
            change = settled(one_by_one, edges).get(node)
            if change is not None:
                one_by_one[node] = change
                moved = True
        if not moved:
            break
    assert one_by_one == at_once
    assert settled(at_once, edges) == {}, "it is a fixed point"
    for node, standing in at_once.items():
        waits = any(holds_start(e.kind, at_once[e.predecessor]) for e in edges if e.action == node)
        assert not (standing.state is State.TODO and waits)
        assert not (standing.held and not waits)


@st.composite
def spans(draw: Any) -> dict[int, Span]:
    found = {}
    for node in range(NODES):
        start = date(2030, 1, 1) + timedelta(days=draw(st.integers(0, 40)))
        due = start + timedelta(days=draw(st.integers(0, 20)))
        found[node] = Span(
            start if draw(st.integers(0, 3)) else None,
            due if draw(st.integers(0, 3)) else None,
            draw(st.integers(0, 6)) == 0,
        )
    return found


@given(WISHES, spans(), st.randoms())
def test_dates_reach_the_same_rest_in_any_order_and_only_move_later(
    wishes: list[Any], start: Any, chance: random.Random
) -> None:
    edges = built(wishes)
    moved = {**start, **cascade(start, edges)}
    shuffled = list(edges)
    chance.shuffle(shuffled)
    assert {**start, **cascade(start, shuffled)} == moved
    assert cascade(moved, edges) == {}, "a second pass finds everything in its place"
    for node, span in moved.items():
        before = start[node]
        assert (span.start is None) == (before.start is None)
        assert before.start is None or span.start >= before.start
        if before.start and before.due:
            assert span.due - span.start == before.due - before.start, "an action keeps its length"
        if before.fixed:
            assert span == before


@pytest.mark.parametrize(
    ("kind", "lag", "start", "due"),
    [
        (Kind.FINISH_TO_START, 0, date(2030, 1, 11), date(2030, 1, 13)),
        (Kind.FINISH_TO_START, 3, date(2030, 1, 14), date(2030, 1, 16)),
        (Kind.START_TO_START, 2, date(2030, 1, 7), date(2030, 1, 9)),
        (Kind.FINISH_TO_FINISH, 1, date(2030, 1, 9), date(2030, 1, 11)),
    ],
)
def test_each_kind_of_dependency_moves_dates_as_documented(kind: Kind, lag: int, start: date, due: date) -> None:
    spans = {"a": Span(date(2030, 1, 5), date(2030, 1, 10)), "b": Span(date(2030, 1, 1), date(2030, 1, 3))}
    assert cascade(spans, [Edge("a", "b", kind, lag)])["b"] == Span(start, due)


# -- the same through the services, on the database ---------------------------------------------------------------


def test_a_circle_is_refused_and_its_actions_are_named(make_action: Callable[..., Action], user: Any) -> None:
    hire, train, open_ = make_action("Hire"), make_action("Train"), make_action("Open")
    dependencies.tie(train.pk, hire.pk, actor=user)
    dependencies.tie(open_.pk, train.pk, actor=user)
    with pytest.raises(Conflict) as error:
        dependencies.tie(hire.pk, open_.pk, actor=user)
    assert error.value.code == "cycle"
    assert "“Open” → “Hire” → “Train” → “Open”" in str(error.value)
    assert ActionDependency.objects.count() == 2


def test_an_action_does_not_depend_on_itself(make_action: Callable[..., Action], user: Any) -> None:
    action = make_action()
    with pytest.raises(Conflict, match="circle"):
        dependencies.tie(action.pk, action.pk, actor=user)


def test_an_action_of_another_project_is_no_predecessor(make_action: Callable[..., Action], user: Any) -> None:
    other = make_action("Elsewhere", project=projects.create(user, "Another"))
    with pytest.raises(PlanError, match="no such action in this project"):
        dependencies.tie(make_action().pk, other.pk, actor=user)


def test_an_action_is_held_while_it_waits_and_lifted_by_itself(make_action: Callable[..., Action], user: Any) -> None:
    hire, train = make_action("Hire"), make_action("Train")
    dependencies.tie(train.pk, hire.pk, actor=user)
    train.refresh_from_db()
    assert (train.status, train.held) == (State.BLOCKED, True)
    with pytest.raises(Conflict, match="waits for “Hire”"):
        actions.move(train.pk, State.IN_PROGRESS, actor=user)
    actions.move(hire.pk, State.IN_PROGRESS, actor=user)
    actions.move(hire.pk, State.DONE, actor=user)
    train.refresh_from_db()
    assert (train.status, train.held, train.blocked_reason) == (State.TODO, False, "")


def test_what_somebody_blocked_by_hand_is_not_lifted(make_action: Callable[..., Action], user: Any) -> None:
    hire, train = make_action("Hire"), make_action("Train", State.BLOCKED)
    dependencies.tie(train.pk, hire.pk, actor=user)
    actions.move(hire.pk, State.CANCELLED, actor=user)
    train.refresh_from_db()
    assert (train.status, train.held) == (State.BLOCKED, False)


def test_untying_lifts_the_hold(make_action: Callable[..., Action], user: Any) -> None:
    hire, train = make_action("Hire"), make_action("Train")
    row = dependencies.tie(train.pk, hire.pk, actor=user)
    dependencies.untie(row.pk, actor=user)
    train.refresh_from_db()
    assert train.status == State.TODO


def test_start_to_start_waits_for_the_start_only(make_action: Callable[..., Action], user: Any) -> None:
    hire, train = make_action("Hire"), make_action("Train")
    dependencies.tie(train.pk, hire.pk, actor=user, kind=Kind.START_TO_START)
    actions.move(hire.pk, State.IN_PROGRESS, actor=user)
    actions.move(hire.pk, State.BLOCKED, actor=user, reason="No candidates")
    train.refresh_from_db()
    assert train.status == State.TODO


def test_finish_to_finish_holds_the_end_and_not_the_start(make_action: Callable[..., Action], user: Any) -> None:
    hire, train = make_action("Hire"), make_action("Train")
    dependencies.tie(train.pk, hire.pk, actor=user, kind=Kind.FINISH_TO_FINISH)
    actions.move(train.pk, State.IN_PROGRESS, actor=user)
    with pytest.raises(Conflict, match="cannot be finished yet: it waits for “Hire”"):
        actions.move(train.pk, State.DONE, actor=user)
    actions.move(hire.pk, State.CANCELLED, actor=user)
    assert actions.move(train.pk, State.DONE, actor=user).status == State.DONE


def test_a_later_date_moves_everything_behind_it(make_action: Callable[..., Action], user: Any) -> None:
    first = make_action("First", start_on=date(2030, 1, 1), due_on=date(2030, 1, 10))
    second = make_action("Second", start_on=date(2030, 1, 5), due_on=date(2030, 1, 8))
    third = make_action("Third", due_on=date(2030, 1, 9))
    dependencies.tie(third.pk, second.pk, actor=user, lag=2)
    dependencies.tie(second.pk, first.pk, actor=user)
    actions.edit(first.pk, {"due_on": date(2030, 2, 1)}, actor=user)
    second.refresh_from_db()
    third.refresh_from_db()
    assert (second.start_on, second.due_on) == (date(2030, 2, 2), date(2030, 2, 5))
    assert third.due_on == date(2030, 2, 8)


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(WISHES, st.randoms())
def test_ties_and_completions_in_any_order_leave_the_same_plan(
    user: Any, wishes: list[Any], chance: random.Random
) -> None:
    """The fixed point of the services themselves: two projects, the same graph, another order of everything."""
    edges = built(wishes)
    finished = {node for node in range(NODES) if chance.random() < 0.5}
    outcomes = []
    for _ in range(2):
        project = projects.create(user, "A plan")
        rows = [actions.add(project.pk, {"title": f"Action {node}"}, actor=user) for node in range(NODES)]
        chance.shuffle(edges)
        for edge in edges:
            dependencies.tie(rows[edge.action].pk, rows[edge.predecessor].pk, actor=user, kind=edge.kind, lag=edge.lag)
        _finish_what_can_be(project, rows, finished, chance, user)
        found = Action.objects.filter(project=project).order_by("position").values_list("status", "held")
        outcomes.append(list(found))
    assert outcomes[0] == outcomes[1]


def _finish_what_can_be(
    project: Project, rows: list[Action], wanted: set[int], chance: random.Random, user: Any
) -> None:
    """Finish as many of ``wanted`` as dependencies let, in random order, until no more can be."""
    left = set(wanted)
    while left:
        done = set()
        for node in chance.sample(sorted(left), len(left)):
            for step in (State.IN_PROGRESS, State.DONE):
                try:
                    actions.move(rows[node].pk, step, actor=user)
                except Conflict:
                    continue
            if Action.objects.filter(pk=rows[node].pk, status=State.DONE).exists():
                done.add(node)
        if not done:
            return
        left -= done
