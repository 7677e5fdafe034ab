"""Votes added up, and who changed their mind."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.graph.aggregation import Ballot, ballots, flips, tally


def cast(*votes: tuple[str, float], part: int = 0) -> list[Ballot]:
    return [Ballot(f"p{n}", f"P {n}", option, confidence, part) for n, (option, confidence) in enumerate(votes)]


@pytest.mark.parametrize(
    ("votes", "majority", "weighted", "unanimous"),
    [
        ([], "", "", False),
        ([("A", 0.6)], "A", "A", True),
        ([("A", 0.6), ("A", 0.2), ("B", 0.9)], "A", "B", False),
        ([("A", 0.5), ("B", 0.5)], "", "", False),
        ([("A", 0.5), ("B", 0.9)], "", "B", False),
        ([("A", 0.0), ("A", 0.0), ("B", 0.0)], "A", "A", False),
        ([("A", 0.3), ("B", 0.3), ("C", 0.3)], "", "", False),
    ],
)
def test_majority_stands_beside_the_weight_of_confidence(
    votes: list[tuple[str, float]], majority: str, weighted: str, unanimous: bool
) -> None:
    found = tally(cast(*votes))
    assert (found.majority, found.weighted, found.unanimous) == (majority, weighted, unanimous)
    assert found.voters == len(votes)


def test_shares_and_supporters_are_told_by_option() -> None:
    strongest, weaker = tally(cast(("A", 0.2), ("A", 0.2), ("B", 0.6))).options
    assert (strongest.option, strongest.votes, strongest.weighted) == ("B", 1, pytest.approx(0.6))
    assert (weaker.share, weaker.supporters) == (pytest.approx(2 / 3, abs=1e-5), ("P 0", "P 1"))


def test_each_part_counts_alike_however_many_voted_on_it() -> None:
    found = tally(cast(("A", 0.9), ("A", 0.9), ("A", 0.9), ("A", 0.9)) + cast(("B", 0.1), part=1))
    assert {item.option: item.weighted for item in found.options} == {"A": 0.5, "B": 0.5}
    assert found.majority == "A"


@given(
    st.lists(st.tuples(st.sampled_from("ABC"), st.floats(0, 1), st.integers(0, 2)), max_size=12).flatmap(
        lambda votes: st.tuples(st.just(votes), st.permutations(votes))
    )
)
def test_a_shuffled_board_gives_the_same_result(given_votes: Any) -> None:
    def result(votes: list[tuple[str, float, int]]) -> Any:
        found = tally(Ballot(f"{v}", f"{v}", *v) for v in votes)
        return found.majority, found.weighted, {(item.option, item.votes, item.weighted) for item in found.options}

    one, other = given_votes
    assert result(one) == result(other)


def test_a_flip_keeps_the_first_answer_beside_the_last() -> None:
    first = [
        {"sub_problem": 0, "persona": "p0", "round": 1, "option": "A", "confidence": 0.8},
        {"sub_problem": 0, "persona": "p0", "round": 2, "option": "B", "confidence": 0.9},
        {"sub_problem": 0, "persona": "p1", "round": 1, "option": "B", "confidence": 0.5},
        {"sub_problem": 1, "persona": "p0", "round": 1, "option": "B", "confidence": 0.5},
    ]
    [flip] = flips(first, cast(("B", 0.6), ("B", 0.7), ("A", 0.9)))
    assert (flip.persona, flip.before, flip.after) == ("p0", "A", "B")
    assert (flip.confidence_before, flip.confidence_after) == (0.8, 0.6)


def test_ballots_come_from_the_rows_of_recommendations() -> None:
    row = {"persona": "p", "name": "P", "option": "A", "confidence": 0.5, "sub_problem": 2, "reasons": []}
    assert ballots([row]) == [Ballot("p", "P", "A", 0.5, 2)]
