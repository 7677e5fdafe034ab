"""Pure rules of dependencies: who waits for whom, and who would wait for themselves."""

from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from replanning.models import Kind, State
from replanning.states import RELEASES, STARTED

Node = TypeVar("Node", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Edge(Generic[Node]):
    """``action`` depends on ``predecessor``; ``lag`` in days."""

    predecessor: Node
    action: Node
    kind: Kind = Kind.FINISH_TO_START
    lag: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """What the rules need to know of an action. ``begun``: it was started, also when it is blocked by now."""

    state: State
    held: bool = False
    begun: bool = False


def cycle(edges: Iterable[Edge[Node]], new: Edge[Node]) -> list[Node]:
    """The nodes of the cycle that ``new`` would close, in order and ending where it begins; empty when there is none.

    The shortest such cycle is found: a breadth-first search from the dependent action back to the predecessor.
    """
    followers: dict[Node, list[Node]] = defaultdict(list)
    for edge in edges:
        followers[edge.predecessor].append(edge.action)
    came_from: dict[Node, Node | None] = {new.action: None}
    queue = deque([new.action])
    while queue:
        node = queue.popleft()
        if node == new.predecessor:
            path: list[Node] = []
            step: Node | None = node
            while step is not None:
                path.append(step)
                step = came_from[step]
            return [new.predecessor, *reversed(path)]
        for follower in followers[node]:
            if follower not in came_from:
                came_from[follower] = node
                queue.append(follower)
    return []


def holds_start(kind: Kind, predecessor: Standing) -> bool:
    """Whether such a predecessor keeps the action that depends on it from starting."""
    if predecessor.state in RELEASES:
        return False
    if kind is Kind.FINISH_TO_START:
        return True
    if kind is Kind.START_TO_START:
        return not (predecessor.state in STARTED or predecessor.begun)
    return False


def holds_finish(kind: Kind, predecessor: Standing) -> bool:
    """Whether such a predecessor keeps the action that depends on it from being finished."""
    return kind is Kind.FINISH_TO_FINISH and predecessor.state not in RELEASES


def settled(standings: Mapping[Node, Standing], edges: Iterable[Edge[Node]]) -> dict[Node, Standing]:
    """The actions whose standing changes when every hold is applied and every hold that has gone is lifted.

    An action to do that may not start is blocked and marked as held; one that is held and may start is to do again.
    What somebody blocked by hand, or has started, stays as it is. Holding and lifting start or finish nothing, so they
    change no other action's holds: one pass, in whatever order, reaches the fixed point.
    """
    may_not_start = {edge.action for edge in edges if holds_start(edge.kind, standings[edge.predecessor])}
    changes: dict[Node, Standing] = {}
    for node, standing in standings.items():
        if standing.state is State.TODO and node in may_not_start:
            changes[node] = Standing(State.BLOCKED, held=True, begun=standing.begun)
        elif standing.state is State.BLOCKED and standing.held and node not in may_not_start:
            changes[node] = Standing(State.TODO, begun=standing.begun)
    return changes
