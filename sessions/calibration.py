"""How well confidence fits outcomes. Pure calculation; every formula stands here and on the page.

A judged session is a pair: the memo's confidence c (0 to 1), and the outcome o in hindsight: 1 for right, 0.5 for
partly right, 0 for wrong. What cannot be told is no pair.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

from sessions.models import Hindsight

#: What an outcome counts. Half for partly right is a convention, and said on the page.
WORTH = {Hindsight.RIGHT: 1.0, Hindsight.PARTLY: 0.5, Hindsight.WRONG: 0.0}
#: Two-sided 95 per cent of the normal distribution.
Z = 1.959964
#: Groups of confidence, each a fifth: 0–20 %, 20–40 % … the last one includes 100 %.
GROUPS = 5
#: Below this number of judged decisions no score is shown, below that one it is shown with a warning.
FEWEST, FEW = 3, 30


@dataclass(frozen=True, slots=True)
class Pair:
    """``confidence`` 0 to 1; ``outcome`` 0, 0.5 or 1."""

    confidence: float
    outcome: float


@dataclass(frozen=True, slots=True)
class Interval:
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Group:
    """Pairs of like confidence. ``right``: mean outcome; ``interval``: Wilson's, 95 per cent."""

    low: float
    high: float
    count: int
    confidence: float
    right: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class Calibration:
    """``brier`` and the rest are None when there are fewer than ``FEWEST`` pairs, ``interval`` also when all are alike.

    ``reference`` is the Brier score of somebody who always says the share that was right; ``gap`` is mean confidence
    minus mean outcome, above 0 for too sure.
    """

    count: int
    groups: list[Group]
    brier: float | None = None
    interval: Interval | None = None
    reference: float | None = None
    gap: float | None = None

    @property
    def is_few(self) -> bool:
        return self.count < FEW


def measure(pairs: Sequence[Pair]) -> Calibration:
    """Brier score, its 95 per cent interval, the score to beat, the gap, and the groups of the reliability plot."""
    groups = grouped(pairs)
    if len(pairs) < FEWEST:
        return Calibration(len(pairs), groups)
    base = fmean(pair.outcome for pair in pairs)
    return Calibration(
        len(pairs),
        groups,
        brier=fmean(_penalty(pair) for pair in pairs),
        interval=_around_mean([_penalty(pair) for pair in pairs]),
        reference=fmean((base - pair.outcome) ** 2 for pair in pairs),
        gap=fmean(pair.confidence for pair in pairs) - base,
    )


def _penalty(pair: Pair) -> float:
    return (pair.confidence - pair.outcome) ** 2


def _around_mean(values: Sequence[float]) -> Interval | None:
    """Mean ± Z·s/√n within 0 to 1; None when nothing varies, where that formula would feign certainty."""
    spread = stdev(values)
    if spread == 0:
        return None
    half = Z * spread / sqrt(len(values))
    return Interval(max(0.0, fmean(values) - half), min(1.0, fmean(values) + half))


def grouped(pairs: Sequence[Pair]) -> list[Group]:
    """The groups that hold a pair, by rising confidence."""
    found = []
    for number in range(GROUPS):
        inside = [pair for pair in pairs if min(int(pair.confidence * GROUPS + 1e-9), GROUPS - 1) == number]
        if inside:
            right = fmean(pair.outcome for pair in inside)
            found.append(
                Group(
                    low=number / GROUPS,
                    high=(number + 1) / GROUPS,
                    count=len(inside),
                    confidence=fmean(pair.confidence for pair in inside),
                    right=right,
                    interval=wilson(right, len(inside)),
                )
            )
    return found


def wilson(share: float, count: int) -> Interval:
    """Wilson's 95 per cent interval of a share among ``count``; honest where there are few, and inside 0 to 1."""
    weight = Z * Z / count
    middle = (share + weight / 2) / (1 + weight)
    half = Z / (1 + weight) * sqrt(share * (1 - share) / count + Z * Z / (4 * count * count))
    return Interval(max(0.0, middle - half), min(1.0, middle + half))
