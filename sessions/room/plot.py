"""The small plot of how far the board agrees, round by round, as geometry for an inline SVG."""

from collections.abc import Sequence
from dataclasses import dataclass

from sessions.axes import Box
from sessions.models import Assessment

BOX = Box(width=320, height=150, left=42, right=308, top=12, base=126)
#: Units between an axis and the dot of the first or last round.
AIR = 12


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: float
    round: int
    percent: int


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Coordinates in ``box``; ``text`` says in words what the lines show."""

    agreement: list[Point]
    conflict: list[Point]
    rounds: list[Tick]
    levels: list[Tick]
    text: str
    box: Box = BOX

    @property
    def agreement_line(self) -> str:
        return _line(self.agreement)

    @property
    def conflict_line(self) -> str:
        return _line(self.conflict)

    @property
    def rows(self) -> list[tuple[int, int, int]]:
        """Round, agreement and conflict in per cent."""
        return [(a.round, a.percent, c.percent) for a, c in zip(self.agreement, self.conflict, strict=True)]


def draw(assessments: Sequence[Assessment], rounds: int) -> Plot | None:
    """Lay out the assessments of one sub-problem over ``rounds`` expected rounds; None while there are none."""
    if not assessments:
        return None
    last = max(rounds, *(item.round for item in assessments))
    agreement = [_point(item.round, item.convergence, last) for item in assessments]
    conflict = [_point(item.round, item.conflict, last) for item in assessments]
    return Plot(
        agreement,
        conflict,
        [Tick(_x(number, last), str(number)) for number in range(1, last + 1)],
        [Tick(BOX.y(share), f"{share:.0%}") for share in (0.0, 0.5, 1.0)],
        f"{_words('Agreement', agreement)}; {_words('conflict', conflict)}.",
    )


def _x(number: int, last: int) -> float:
    return BOX.x((number - 1) / (last - 1) if last > 1 else 0.5, air=AIR)


def _point(number: int, share: float, last: int) -> Point:
    return Point(_x(number, last), BOX.y(share), number, round(100 * share))


def _line(points: Sequence[Point]) -> str:
    return " ".join(f"{point.x},{point.y}" for point in points)


def _words(name: str, points: Sequence[Point]) -> str:
    first, last = points[0], points[-1]
    if len(points) == 1:
        return f"{name} is at {first.percent}% after round {first.round}"
    moved = last.percent - first.percent
    verb = "stayed at" if moved == 0 else ("rose" if moved > 0 else "fell")
    if moved == 0:
        return f"{name} {verb} {last.percent}%"
    return f"{name} {verb} from {first.percent}% in round {first.round} to {last.percent}% in round {last.round}"
