"""What retries from older steps have left behind: superseded, kept, and as readable as what counts (SE3)."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sessions.models import Assessment, Contribution, Event, Memo, Recommendation, Session
from sessions.room.parts import Aside, Moment, Part, Told, assemble

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Branch:
    """Everything that one fork left, in the shape of the room. ``number`` counts from 1, ``until`` is its last word."""

    number: int
    until: datetime
    parts: list[Part]
    memo: Memo | None


def left_behind(session: Session) -> list[Branch]:
    """The branches that ``session`` has left, oldest first: six queries, whatever their number."""
    said = _by_fork(Contribution.objects.filter(session=session, superseded=True))
    read = _by_fork(Assessment.objects.filter(session=session, superseded=True))
    votes = _by_fork(Recommendation.objects.filter(session=session, superseded=True))
    memos = _by_fork(Memo.objects.filter(session=session, superseded=True))
    told = _by_fork(Event.objects.filter(session=session, superseded=True).order_by("sequence"))
    named = list(session.subproblems.all())  # a part that was superseded has a name all the same
    found = []
    for number, fork in enumerate(sorted({*said, *read, *votes, *memos, *told}), start=1):
        parts = assemble(named, [], said[fork], read[fork], votes[fork], _told(told[fork]), Moment(over=True))
        rows: list[Any] = [*said[fork], *read[fork], *votes[fork], *memos[fork], *told[fork]]
        memo = memos[fork][-1] if memos[fork] else None
        until = max(row.created_at for row in rows)
        found.append(Branch(number, until, [part for part in parts if part.rounds or part.ballots], memo))
    return found


def _by_fork(rows: Iterable[Row]) -> "defaultdict[int, list[Row]]":
    """By the fence under which they were left, which sessions/services/forking.py has put at the end of their keys."""
    found: defaultdict[int, list[Row]] = defaultdict(list)
    for row in rows:
        _, _, fence = str(row.key).rpartition("~")  # type: ignore[attr-defined]
        found[int(fence) if fence.isdigit() else 0].append(row)
    return found


def _told(events: Iterable[Event]) -> Told:
    told = Told()
    keep: dict[str, Callable[[tuple[int, int], Event], None]] = {
        "round_started": lambda place, event: told.starts.update({place: event.data}),
        "intervention": lambda place, event: told.interventions.update({place: event.data}),
        "contribution_failed": lambda place, event: told.asides.setdefault(place, []).append(
            Aside("failed", event.sequence, event.data["message"], event.data["name"])
        ),
    }
    for event in events:
        if event.type in keep:
            keep[event.type]((event.data["sub_problem"], event.data["round"]), event)
        elif event.type == "part_settled":
            told.standings[event.data["sub_problem"]] = event.data
    return told
