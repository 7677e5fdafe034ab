"""The reliability plot, as geometry for an inline SVG: how sure the board was, against how often it was right."""

from dataclasses import dataclass

from sessions.calibration import Calibration

WIDTH, HEIGHT = 360, 320
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 14, 48


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
    """Coordinates in a box of ``width`` by ``height``; ``text`` says in words what the dots show."""

    dots: list[Dot]
    ticks: list[Tick]
    text: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    base: int = HEIGHT - BOTTOM


def draw(calibration: Calibration) -> Plot | None:
    """None while nothing has been judged."""
    if not calibration.groups:
        return None
    most = max(group.count for group in calibration.groups)
    dots = [
        Dot(
            _x(group.confidence),
            _y(group.right),
            round(4 + 6 * (group.count / most) ** 0.5, 1),
            _y(group.interval.high),
            _y(group.interval.low),
            group.count,
        )
        for group in calibration.groups
    ]
    ticks = [Tick(_x(share), _y(share), f"{share:.0%}") for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    parts = [
        f"{group.confidence:.0%} sure on average and {group.right:.0%} right, of {group.count}"
        for group in calibration.groups
    ]
    return Plot(dots, ticks, "By groups of like confidence: " + "; ".join(parts) + ".")


def _x(share: float) -> float:
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def _y(share: float) -> float:
    return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)
