"""The reliability plot, as geometry for an inline SVG: how sure the board was, against how often it was right."""

from dataclasses import dataclass

from sessions.axes import Box
from sessions.calibration import Calibration

BOX = Box(width=360, height=320, left=52, right=338, top=14, base=272)


@dataclass(frozen=True, slots=True)
class Dot:
    """A group: its centre, radius (its area grows with the count), and the ends of its interval."""

    x: float
    y: float
    radius: float
    top: float
    bottom: float
    count: int


@dataclass(frozen=True, slots=True)
class Tick:
    x: float
    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Coordinates in ``box``; ``text`` says in words what the dots show."""

    dots: list[Dot]
    ticks: list[Tick]
    text: str
    box: Box = BOX


def draw(calibration: Calibration) -> Plot | None:
    """None while nothing has been judged."""
    if not calibration.groups:
        return None
    most = max(group.count for group in calibration.groups)
    dots = [
        Dot(
            BOX.x(group.confidence),
            BOX.y(group.right),
            round(4 + 6 * (group.count / most) ** 0.5, 1),
            BOX.y(group.interval.high),
            BOX.y(group.interval.low),
            group.count,
        )
        for group in calibration.groups
    ]
    ticks = [Tick(BOX.x(share), BOX.y(share), f"{share:.0%}") for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    parts = [
        f"{group.confidence:.0%} sure on average and {group.right:.0%} right, of {group.count}"
        for group in calibration.groups
    ]
    return Plot(dots, ticks, "By groups of like confidence: " + "; ".join(parts) + ".")
