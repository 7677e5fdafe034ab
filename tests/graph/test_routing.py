"""The stop rules and the numbers they rest on: pure tables."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.graph.routing import (
    GUIDE_STALLED,
    after_assess,
    after_frame,
    after_tally,
    quorum,
    rounds_for,
    seats_for,
    to_personas,
    verdict,
)
from sessions.graph.state import ReadingState, State, merged


def reading(round_: int = 2, **values: float) -> ReadingState:
    base: dict[str, Any] = {
        "round": round_,
        "convergence": 0.5,
        "novelty": 0.5,
        "conflict": 0.5,
        "agreement": 0.6,
        "shift": 0.5,
        "participation": 1.0,
    }
    return ReadingState(**(base | values))  # type: ignore[typeddict-item]


STALLED = {"conflict": 0.8, "novelty": 0.2}


@pytest.mark.parametrize(
    ("readings", "asked", "decision", "rule"),
    [
        ([reading(1)], "continue", "continue", "independence"),
        ([reading(1)], "vote", "continue", "independence"),
        ([reading(1, agreement=1.0, convergence=0.95, novelty=0.1)], "vote", "continue", "independence"),
        ([reading(1), reading(2)], "continue", "continue", "facilitator"),
        ([reading(1), reading(2)], "vote", "vote", "facilitator"),
        ([reading(1), reading(2, agreement=0.91)], "continue", "vote", "consensus"),
        ([reading(1), reading(2, agreement=0.90)], "continue", "continue", "facilitator"),
        ([reading(1), reading(2, agreement=1.0, participation=0.79)], "continue", "continue", "facilitator"),
        ([reading(1), reading(2, convergence=0.86, novelty=0.29)], "continue", "vote", "convergence"),
        ([reading(1), reading(2, convergence=0.85, novelty=0.29)], "continue", "continue", "facilitator"),
        ([reading(1), reading(2, convergence=0.86, novelty=0.30)], "continue", "continue", "facilitator"),
        ([reading(1, **STALLED), reading(2, **STALLED)], "continue", "continue", "guided"),
        ([reading(1, **STALLED), reading(2, **STALLED)], "vote", "vote", "facilitator"),
        ([reading(1, **STALLED), reading(2, **STALLED), reading(3, **STALLED)], "continue", "vote", "stalled"),
        ([reading(1, **STALLED), reading(2), reading(3, **STALLED)], "continue", "continue", "facilitator"),
        ([reading(1), reading(2, shift=0.0), reading(3, shift=0.0)], "continue", "vote", "deadlock"),
        ([reading(1), reading(2, shift=0.0), reading(3, shift=0.2)], "continue", "continue", "facilitator"),
        ([reading(n) for n in range(1, 7)], "continue", "vote", "round cap"),
    ],
)
def test_the_first_stop_rule_that_applies_decides(
    readings: list[ReadingState], asked: Any, decision: str, rule: str
) -> None:
    found = verdict(readings, max_rounds=6, asked=asked)
    assert (found.decision, found.rule) == (decision, rule)
    assert found.reason
    assert found.guidance == (GUIDE_STALLED if rule == "guided" else "")


def test_one_round_is_a_vote_when_one_is_the_cap() -> None:
    assert verdict([reading(1)], max_rounds=1, asked="continue").rule == "round cap"


shares = st.floats(0, 1)


@given(
    st.lists(st.tuples(shares, shares, shares, shares, shares, shares), min_size=1, max_size=6),
    st.sampled_from(["continue", "vote"]),
)
def test_a_debate_always_ends_at_its_cap_and_never_votes_before_anybody_was_heard(
    values: list[tuple[float, ...]], asked: Any
) -> None:
    names = ("convergence", "novelty", "conflict", "agreement", "shift", "participation")
    readings = [reading(n, **dict(zip(names, value, strict=True))) for n, value in enumerate(values, 1)]
    assert verdict(readings, max_rounds=len(readings), asked=asked).decision == "vote"
    early = verdict(readings[:1], max_rounds=6, asked=asked)
    assert early.decision == "continue"


@pytest.mark.parametrize(
    ("complexity", "cap", "rounds"),
    [(1, 6, 3), (3, 6, 3), (4, 6, 4), (7, 6, 5), (10, 6, 6), (10, 4, 4), (1, 1, 1), (5, 0, 1)],
)
def test_complexity_sets_the_rounds_and_the_owner_caps_them(complexity: int, cap: int, rounds: int) -> None:
    assert rounds_for(complexity, cap) == rounds


@pytest.mark.parametrize(("complexity", "seats"), [(1, 3), (3, 3), (4, 4), (6, 4), (7, 5), (10, 5)])
def test_complexity_sets_the_seats(complexity: int, seats: int) -> None:
    assert seats_for(complexity) == seats


@pytest.mark.parametrize(("seats", "needed"), [(0, 0), (1, 1), (2, 2), (3, 2), (4, 2), (5, 3)])
def test_a_quorum_is_half_of_the_board_and_at_least_two(seats: int, needed: int) -> None:
    assert quorum(seats) == needed


def state(**values: Any) -> State:
    base: dict[str, Any] = {
        "sub_problem": 1,
        "parts": 2,
        "round": 2,
        "max_rounds": 4,
        "seats": {"0": ["x"], "1": ["a", "b", "c"]},
        "frame": {"title": "t", "question": "q", "complexity": 3, "options": ["o"], "criteria": ["c"]},
    }
    return State(**(base | values))  # type: ignore[typeddict-item]


def test_everybody_on_the_board_is_sent_with_their_place() -> None:
    sent = to_personas(state())
    assert [(send.node, send.arg["persona"], send.arg["sub_problem"], send.arg["round"]) for send in sent] == [
        ("persona", slug, 1, 2) for slug in "abc"
    ]


def test_a_join_sends_again_only_those_it_recalls() -> None:
    sent = after_assess(state(recall=["b"], decision="vote"))
    assert [(send.node, send.arg["persona"]) for send in sent] == [("persona", "b")]  # type: ignore[union-attr]
    sent = after_tally(state(recall=["c"]))
    assert [(send.node, send.arg["persona"]) for send in sent] == [("vote", "c")]  # type: ignore[union-attr]


def test_after_a_round_comes_the_next_or_the_vote() -> None:
    assert after_assess(state(recall=[], decision="continue")) == "open_round"
    voters = after_assess(state(recall=[], decision="vote"))
    assert [send.node for send in voters] == ["vote"] * 3  # type: ignore[union-attr]


def test_after_a_vote_comes_the_next_part_or_the_synthesis() -> None:
    assert after_tally(state(recall=[], sub_problem=1)) == "select"
    assert after_tally(state(recall=[], sub_problem=2)) == "synthesis"


def test_the_owner_is_asked_once_at_most() -> None:
    assert after_frame(state(questions=["?"])) == "clarify"
    assert after_frame(state(questions=[])) == "decompose"
    assert after_frame(state(questions=["?"], asked=True)) == "decompose"


@given(
    st.dictionaries(st.text(max_size=3), st.integers()), st.dictionaries(st.text(max_size=3), st.none() | st.integers())
)
def test_merging_keeps_the_newest_and_drops_what_is_none(old: dict[str, int], new: dict[str, int | None]) -> None:
    both = merged(old, new)
    assert both == {key: value for key, value in {**old, **new}.items() if value is not None}
