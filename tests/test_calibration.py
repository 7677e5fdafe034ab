"""The figures of the track record, against values worked out by hand and by another way."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions import calibration_plot
from sessions.calibration import FEW, Calibration, Pair, Z, grouped, measure, wilson

PAIRS = st.lists(st.builds(Pair, st.floats(0, 1), st.sampled_from([0.0, 0.5, 1.0])), max_size=60)


@pytest.mark.parametrize(
    ("pairs", "brier", "reference", "gap"),
    [
        ([(1, 1), (1, 1), (0, 0)], 0.0, 2 / 9, 0.0),  # perfect
        ([(0, 1), (1, 0), (1, 0)], 1.0, 2 / 9, 1 / 3),  # the worst there is
        ([(0.5, 1), (0.5, 0), (0.5, 1), (0.5, 0)], 0.25, 0.25, 0.0),  # a coin
        ([(0.9, 1), (0.9, 0), (0.9, 0)], (0.01 + 0.81 + 0.81) / 3, 2 / 9, 0.9 - 1 / 3),  # too sure
        ([(0.2, 1), (0.2, 1), (0.2, 1)], 0.64, 0.0, -0.8),  # too modest
        ([(0.7, 0.5), (0.7, 0.5), (0.7, 0.5)], 0.04, 0.0, 0.2),  # partly right counts half
    ],
)
def test_scores_are_those_worked_out_by_hand(
    pairs: list[tuple[float, float]], brier: float, reference: float, gap: float
) -> None:
    found = measure([Pair(confidence, outcome) for confidence, outcome in pairs])
    assert found.brier == pytest.approx(brier)
    assert found.reference == pytest.approx(reference)
    assert found.gap == pytest.approx(gap)


@pytest.mark.parametrize(("share", "count"), [(0.5, 1), (0.5, 10), (0.9, 10), (0.7, 100), (0.25, 2), (0.01, 5)])
def test_the_range_of_a_share_holds_what_a_score_test_would_not_refuse(share: float, count: int) -> None:
    """Wilson's definition: at both ends p, the share lies Z standard errors (of p) away."""
    found = wilson(share, count)
    assert 0 < found.low < share < found.high < 1
    for end in (found.low, found.high):
        assert (share - end) ** 2 == pytest.approx(Z**2 * end * (1 - end) / count)


@pytest.mark.parametrize("count", [1, 3, 30])
def test_never_and_always_leave_room_for_the_opposite(count: int) -> None:
    """In closed form: never among n is 0 to Z²/(n + Z²), always is the mirror image; certainty is never claimed."""
    never, always = wilson(0.0, count), wilson(1.0, count)
    assert (never.low, never.high) == (pytest.approx(0), pytest.approx(Z**2 / (count + Z**2)))
    assert (always.low, always.high) == (pytest.approx(count / (count + Z**2)), pytest.approx(1))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_below_three_there_is_no_score(count: int) -> None:
    found = measure([Pair(0.8, 1.0)] * count)
    assert (found.brier, found.interval, found.reference, found.gap) == (None, None, None, None)
    assert found.is_few


def test_when_all_are_alike_no_range_is_feigned() -> None:
    assert measure([Pair(0.8, 1.0)] * 5).interval is None


def test_few_is_below_thirty() -> None:
    assert measure([Pair(0.8, 1.0)] * (FEW - 1)).is_few
    assert not measure([Pair(0.8, 1.0)] * FEW).is_few


@pytest.mark.parametrize(
    ("confidence", "low"), [(0.0, 0.0), (0.19, 0.0), (0.2, 0.2), (0.6, 0.6), (0.79, 0.6), (0.8, 0.8), (1.0, 0.8)]
)
def test_a_bound_belongs_to_the_group_above_it_and_certainty_to_the_last(confidence: float, low: float) -> None:
    (group,) = grouped([Pair(confidence, 1.0)])
    assert group.low == pytest.approx(low)


@given(PAIRS, st.randoms())
def test_the_order_of_decisions_changes_nothing_and_every_figure_is_within_bounds(
    pairs: list[Pair], chance: random.Random
) -> None:
    found = measure(pairs)
    shuffled = list(pairs)
    chance.shuffle(shuffled)
    again = measure(shuffled)
    assert again.brier == pytest.approx(found.brier)
    assert again.gap == pytest.approx(found.gap)
    assert [group.count for group in again.groups] == [group.count for group in found.groups]
    assert sum(group.count for group in found.groups) == found.count == len(pairs)
    for group in found.groups:
        assert group.low - 1e-6 <= group.confidence <= group.high + 1e-6
        assert 0 <= group.interval.low <= group.right + 1e-9
        assert group.right - 1e-9 <= group.interval.high <= 1
    if found.brier is not None:
        assert 0 <= found.brier <= 1
        if found.interval is not None:
            assert found.interval.low <= found.brier + 1e-9
            assert found.brier <= found.interval.high + 1e-9


def test_confidence_that_fits_loses_to_nothing_but_luck() -> None:
    """Outcomes drawn with the stated probability: the gap goes to zero, and the score beats the reference."""
    chance = random.Random(7)
    drawn = [chance.random() for _ in range(20_000)]
    found = measure([Pair(c, float(chance.random() < c)) for c in drawn])
    assert found.gap == pytest.approx(0.0, abs=0.01)
    assert found.brier == pytest.approx(1 / 6, abs=0.01)  # the integral of p(1 − p)
    assert found.reference == pytest.approx(0.25, abs=0.01)
    assert all(group.interval.low <= group.confidence <= group.interval.high for group in found.groups)


def test_the_plot_lies_inside_its_box_and_says_in_words_what_it_shows() -> None:
    plot = calibration_plot.draw(measure([Pair(1.0, 1.0), Pair(0.0, 0.0), Pair(0.5, 0.5), Pair(0.5, 1.0)]))
    assert plot is not None
    assert [(dot.x, dot.y) for dot in plot.dots] == [
        (plot.box.left, plot.box.base), ((plot.box.left + plot.box.right) / 2, 78.5), (plot.box.right, plot.box.top),
    ]  # fmt: skip
    assert all(plot.box.top <= dot.top <= dot.y <= dot.bottom <= plot.box.base for dot in plot.dots)
    assert plot.dots[1].radius == max(dot.radius for dot in plot.dots)
    assert "50% sure on average and 75% right, of 2" in plot.text


def test_nothing_judged_has_no_plot() -> None:
    assert calibration_plot.draw(Calibration(0, [])) is None
