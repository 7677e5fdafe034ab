"""Intervals and tests against values that others have published or that follow by hand."""

import random
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.evaluation import statistics

#: R. G. Newcombe 1998, Statistics in Medicine 17:857, table I, method 3 (Wilson), 95 %.
NEWCOMBE = [
    (81, 263, 0.2553, 0.3662),
    (15, 148, 0.0624, 0.1605),
    (0, 20, 0.0000, 0.1611),
    (1, 29, 0.0061, 0.1718),
]


@pytest.mark.parametrize(("successes", "count", "low", "high"), NEWCOMBE)
def test_the_wilson_interval_is_the_published_one(successes: int, count: int, low: float, high: float) -> None:
    found = statistics.proportion(successes, count)
    assert found is not None
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)
    assert found.value == successes / count


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_wilson_interval_holds_its_share_and_stays_within_0_and_1(pair: tuple[int, int]) -> None:
    found = statistics.proportion(*pair)
    assert found is not None
    assert 0.0 <= found.low <= found.value <= found.high <= 1.0
    mirrored = statistics.proportion(pair[1] - pair[0], pair[1])
    assert mirrored is not None
    assert mirrored.low == pytest.approx(1 - found.high)


#: Two-sided exact binomial p for b and c discordant pairs, worked out by hand: 2 · Σ C(n, i) / 2ⁿ.
MCNEMAR = [(0, 0, 1.0), (5, 5, 1.0), (1, 9, 22 / 1024), (0, 6, 2 / 64), (10, 2, 158 / 4096), (3, 4, 1.0)]


@pytest.mark.parametrize(("one", "other", "p"), MCNEMAR)
def test_mcnemars_exact_p_is_the_binomial_one(one: int, other: int, p: float) -> None:
    assert statistics.mcnemar(one, other) == pytest.approx(p)
    assert statistics.mcnemar(other, one) == pytest.approx(p)


def test_the_bootstrap_of_a_normal_sample_is_near_the_textbook_interval() -> None:
    chance = random.Random(7)
    values = [chance.gauss(10, 2) for _ in range(200)]
    found = statistics.mean(values)
    assert found is not None
    spread = sqrt(sum((value - found.value) ** 2 for value in values) / len(values)) / sqrt(len(values))
    assert found.low == pytest.approx(found.value - 1.96 * spread, abs=0.03)
    assert found.high == pytest.approx(found.value + 1.96 * spread, abs=0.03)


def test_the_same_values_give_the_same_interval_and_the_seed_matters_little() -> None:
    values = [0.0, 1.0, 0.5, 0.25, 1.0, 0.75]
    one, again, other = statistics.mean(values), statistics.mean(values), statistics.mean(values, seed=1)
    assert one == again
    assert one is not None
    assert other is not None
    assert abs(one.low - other.low) < 0.03


def test_the_bootstrap_of_two_values_is_the_exact_one() -> None:
    """Of 0 and 1, resampled in pairs, a quarter of the means is 0, half ½, a quarter 1: the ends are 0 and 1."""
    found = statistics.mean([0.0, 1.0])
    assert found == statistics.Estimate(0.5, 0.0, 1.0, 2)


def test_pairs_cancel_what_makes_a_case_hard() -> None:
    hard = [0.1, 0.9, 0.5, 0.3, 0.7]
    found = statistics.difference([value + 0.05 for value in hard], hard)
    assert found is not None
    assert found.low == pytest.approx(found.high) == pytest.approx(0.05)


def test_pairs_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shorter|longer"):
        statistics.difference([1.0], [1.0, 2.0])


def test_nothing_is_estimated_from_nothing() -> None:
    assert statistics.proportion(0, 0) is None
    assert statistics.mean([]) is None
    assert statistics.difference([], []) is None
