"""What is measured of a round."""

from typing import Any

import pytest

from sessions.graph import measures


def said(
    persona: str, option: str, confidence: float = 0.5, claim: str = "rents decide", round_: int = 1
) -> dict[str, Any]:
    return {
        "persona": persona,
        "option": option,
        "confidence": confidence,
        "claim": claim,
        "reasons": [],
        "round": round_,
    }


@pytest.mark.parametrize(
    ("votes", "agreement", "conflict"),
    [
        ([], 0.0, 0.0),
        ([("A", 0.5)], 1.0, 0.0),
        ([("A", 0.5), ("A", 0.9)], 1.0, 0.0),
        ([("A", 0.5), ("B", 0.5)], 0.5, 1.0),
        ([("A", 0.9), ("B", 0.1)], 0.9, 1.0),
        ([("A", 0.5), ("A", 0.5), ("B", 0.5)], 2 / 3, 2 / 3),
        ([("A", 0.0), ("B", 0.0)], 0.5, 1.0),
    ],
)
def test_agreement_and_conflict_weigh_by_confidence(
    votes: list[tuple[str, float]], agreement: float, conflict: float
) -> None:
    room = [said(str(n), option, confidence) for n, (option, confidence) in enumerate(votes)]
    assert measures.agreement(room) == pytest.approx(agreement)
    assert measures.conflict(room) == pytest.approx(conflict)


def test_convergence_needs_options_above_all_and_words_a_little() -> None:
    same = [said("a", "A", claim="the lease is too dear"), said("b", "A", claim="the lease is far too dear")]
    apart = [said("a", "A", claim="the lease is too dear"), said("b", "A", claim="nobody will relocate")]
    split = [said("a", "A", claim="the lease is too dear"), said("b", "B", claim="the lease is too dear")]
    assert measures.convergence(same) == pytest.approx(1.0)
    assert measures.convergence(apart) == pytest.approx(0.85)
    assert measures.convergence(split) == pytest.approx(0.85 * 0.5 + 0.15)


def test_novelty_is_the_share_of_words_nobody_used_before() -> None:
    before = [said("a", "A", claim="rents rise in Lisbon")]
    assert measures.novelty(before, []) == 1.0
    assert measures.novelty([said("b", "A", claim="in Lisbon the rents are rising")], before) == 0.0
    assert measures.novelty([said("b", "A", claim="rents and schools")], before) == pytest.approx(0.5)
    assert measures.novelty([], before) == 0.0


def test_a_shift_is_another_option_or_a_tenth_of_confidence() -> None:
    first = [said("a", "A", 0.5), said("b", "A", 0.5), said("c", "B", 0.5)]
    then = [said("a", "B", 0.5), said("b", "A", 0.6), said("c", "B", 0.55), said("new", "B")]
    assert measures.shift(then, first) == pytest.approx(2 / 3)
    assert measures.shift(then, []) == 1.0


def test_a_reading_is_the_mean_of_what_was_measured_and_asked() -> None:
    first = [said("a", "A", 0.5, "rents rise"), said("b", "B", 0.5, "schools close")]
    second = [said("a", "A", 0.5, "rents rise", 2), said("b", "B", 0.5, "schools close", 2)]
    found = measures.reading(2, second, first, seats=4, asked=(0.0, 1.0, 0.0))
    assert found["conflict"] == 0.5
    assert found["novelty"] == 0.5
    assert found["shift"] == 0.0
    assert found["participation"] == 0.5
    assert all(0 <= value <= 1 for name, value in found.items() if name != "round")  # type: ignore[operator]
