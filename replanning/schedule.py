"""Pure rules of dates: what moves when something is late."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from replanning.holding import Edge, Node
from replanning.models import Kind


@dataclass(frozen=True, slots=True)
class Span:
    """First and last day of an action, either unknown. ``fixed``: it is over, its dates are history."""

    start: date | None = None
    due: date | None = None
    fixed: bool = False

    def later(self, days: int) -> "Span":
        shift = timedelta(days=days)
        return Span(self.start and self.start + shift, self.due and self.due + shift, self.fixed)


def cascade(spans: Mapping[Node, Span], edges: Iterable[Edge[Node]]) -> dict[Node, Span]:
    """The actions whose dates have to move so that every dependency holds, with their new dates.

    Finish to start: starts the day after the predecessor is due, plus lag. Start to start: starts with it, plus lag.
    Finish to finish: is due with it, plus lag. Dates only ever move later and an action keeps its length, so the
    result is the least change that satisfies all, whatever the order of the edges. What has no date is moved by
    nobody and moves nobody; what is fixed moves others only. The edges must be free of cycles.
    """
    outgoing: dict[Node, list[Edge[Node]]] = defaultdict(list)
    waiting: dict[Node, int] = dict.fromkeys(spans, 0)
    for edge in edges:
        outgoing[edge.predecessor].append(edge)
        waiting[edge.action] += 1
    now = dict(spans)
    ready = deque(node for node, count in waiting.items() if count == 0)
    seen = 0
    while ready:
        node = ready.popleft()
        seen += 1
        for edge in outgoing[node]:
            now[edge.action] = _pushed(now[edge.action], edge, now[node])
            waiting[edge.action] -= 1
            if waiting[edge.action] == 0:
                ready.append(edge.action)
    if seen < len(spans):
        raise ValueError("the dependencies hold a cycle")
    return {node: span for node, span in now.items() if span != spans[node]}


def _pushed(span: Span, edge: Edge[Node], predecessor: Span) -> Span:
    """``span`` late enough for ``edge``."""
    if span.fixed:
        return span
    if edge.kind is Kind.FINISH_TO_START:
        bound, own = predecessor.due and predecessor.due + timedelta(days=edge.lag + 1), span.start or span.due
    elif edge.kind is Kind.START_TO_START:
        bound, own = predecessor.start and predecessor.start + timedelta(days=edge.lag), span.start or span.due
    else:
        bound, own = predecessor.due and predecessor.due + timedelta(days=edge.lag), span.due
    if bound is None or own is None or own >= bound:
        return span
    return span.later((bound - own).days)
