"""Where the actions of a page lie in time: a bar for each, in per cent of the days that the page spans."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from replanning.models import Action


@dataclass(frozen=True, slots=True)
class Bar:
    """``left`` and ``width`` in per cent of the page's span of days; ``today`` likewise."""

    left: float
    width: float
    today: float


def bars(actions: Iterable[Action], today: date) -> dict[UUID, Bar]:
    """A bar from first to last day for every action that has a date; today is always inside the span."""
    spans = {action.pk: (action.start_on or action.due_on, action.due_on or action.start_on) for action in actions}
    known = {pk: (start, due) for pk, (start, due) in spans.items() if start and due}
    first = min([today, *(start for start, _ in known.values())])
    days = (max([today, *(due for _, due in known.values())]) - first).days + 1

    def share(count: int) -> float:
        return round(100 * count / days, 2)

    return {
        pk: Bar(share((start - first).days), share((due - start).days + 1), share((today - first).days))
        for pk, (start, due) in known.items()
    }
