"""The small plot of how far the board agrees, round by round, as geometry for an inline SVG."""

from collections.abc import Sequence
from dataclasses import dataclass

from sessions.models import Assessment

WIDTH, HEIGHT = 320, 150
LEFT, RIGHT, TOP, BOTTOM = 34, 12, 12, 24


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
    """Coordinates in a box of ``WIDTH`` by ``HEIGHT`` units; ``text`` says in words what the lines show."""

    agreement: list[Point]
    conflict: list[Point]
    rounds: list[Tick]
    levels: list[Tick]
    text: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    base: int = HEIGHT - BOTTOM

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
        [Tick(_y(share), f"{share:.0%}") for share in (0.0, 0.5, 1.0)],
        f"{_words('Agreement', agreement)}; {_words('conflict', conflict)}.",
    )


def _x(number: int, last: int) -> float:
    inner = WIDTH - LEFT - RIGHT - 24  # a little air on both sides, so that the first dot is not on the axis
    return round(LEFT + 12 + (inner * (number - 1) / (last - 1) if last > 1 else inner / 2), 1)


def _y(share: float) -> float:
    inside = min(1.0, max(0.0, share))
    return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - inside), 1)


def _point(number: int, share: float, last: int) -> Point:
    return Point(_x(number, last), _y(share), number, round(100 * share))


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
