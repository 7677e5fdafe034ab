"""Intervals and tests, each with its source. Pure; whatever looks like chance has a fixed seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from random import Random

from sessions.calibration import wilson

#: Resamples of a bootstrap: with 10,000 the ends of a 95 % interval move by well under a tenth of its width.
RESAMPLES = 10_000
SEED = 20_250_101


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % interval, from ``count`` observations."""

    value: float
    low: float
    high: float
    count: int


def proportion(successes: int, count: int) -> Estimate | None:
    """A share with its Wilson score interval; None without observations.

    centre = (p + z²/2n) / (1 + z²/n), half = z √(p(1−p)/n + z²/4n²) / (1 + z²/n)
    (E. B. Wilson 1927, JASA 22:209; recommended for small n by R. G. Newcombe 1998, Statistics in Medicine 17:857).
    """
    if count == 0:
        return None
    share = successes / count
    interval = wilson(share, count)
    return Estimate(share, min(interval.low, share), max(interval.high, share), count)


def mean(values: Sequence[float], *, resamples: int = RESAMPLES, seed: int = SEED) -> Estimate | None:
    """A mean with its percentile bootstrap interval over cases; None without observations.

    The 2.5 and 97.5 percentiles of the means of ``resamples`` samples drawn with replacement
    (B. Efron 1979, Annals of Statistics 7:1; B. Efron and R. Tibshirani 1993, chapter 13).
    """
    count = len(values)
    if count == 0:
        return None
    value = sum(values) / count
    if min(values) == max(values):
        return Estimate(value, value, value, count)
    chance = Random(seed)  # noqa: S311
    means = sorted(sum(chance.choices(values, k=count)) / count for _ in range(resamples))
    return Estimate(value, _percentile(means, 0.025), _percentile(means, 0.975), count)


def difference(one: Sequence[float], other: Sequence[float], **options: int) -> Estimate | None:
    """The mean of ``one`` − ``other`` case by case, with a bootstrap interval over cases: both are of the same cases in
    the same order, so what makes a case hard cancels out. Raises ``ValueError`` when they are of different lengths."""
    return mean([left - right for left, right in zip(one, other, strict=True)], **options)


def mcnemar(only_one: int, only_other: int) -> float:
    """Two-sided exact p of as unequal a split of the cases that just one of two modes got right, were both as good.

    p = min(1, 2 · Σ_{i ≤ min(b, c)} C(b+c, i) / 2^(b+c)) (Q. McNemar 1947, Psychometrika 12:153; the exact form is the
    sign test). 1.0 where no case tells them apart.
    """
    total = only_one + only_other
    tail = sum(comb(total, number) for number in range(min(only_one, only_other) + 1))
    return min(1.0, float(2 * tail / 2**total))


def _percentile(ordered: Sequence[float], share: float) -> float:
    """Linear between the two nearest values (type 7 of R. J. Hyndman and Y. Fan 1996)."""
    at = share * (len(ordered) - 1)
    below = int(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (at - below) * (ordered[above] - ordered[below])
