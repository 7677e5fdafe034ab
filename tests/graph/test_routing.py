"""The stop rules and the numbers they rest on: pure tables."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.graph import moderation
from sessions.graph.routing import (
    after_assess,
    after_debate,
    after_frame,
    after_gather,
    after_select,
    after_tally,
    enter,
    parts_for,
    quorum,
    rounds_for,
    seats_for,
    to_personas,
    to_selection,
)
from sessions.graph.state import Debate, ReadingState, State, merged
from sessions.graph.stopping import GUIDE_STALLED, Means, verdict


def reading(round_: int = 2, **values: float) -> ReadingState:
    base: dict[str, Any] = {
        "round": round_,
        "convergence": 0.5,
        "novelty": 0.5,
        "conflict": 0.5,
        "agreement": 0.6,
        "shift": 0.5,
        "participation": 1.0,
        "drift": 0.0,
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


@pytest.mark.parametrize(
    ("means", "rule"),
    [
        (Means(money_left=0.5, money_for_round=0.2, money_to_end=0.2), "facilitator"),
        (Means(money_left=0.4, money_for_round=0.2, money_to_end=0.2), "facilitator"),
        (Means(money_left=0.39, money_for_round=0.2, money_to_end=0.2), "budget"),
        (Means(seconds_left=100, seconds_for_round=40, seconds_to_end=60), "facilitator"),
        (Means(seconds_left=99, seconds_for_round=40, seconds_to_end=60), "deadline"),
        (Means(money_left=0.0, money_for_round=0.2, seconds_left=0, seconds_for_round=1), "budget"),
    ],
)
def test_a_board_votes_while_there_is_still_money_and_time_for_a_memo(means: Means, rule: str) -> None:
    assert verdict([reading(1), reading(2)], max_rounds=6, asked="continue", means=means).rule == rule
    if rule in ("budget", "deadline"):
        assert verdict([reading(1)], max_rounds=6, asked="continue", means=means).decision == "vote", "from round 1 on"


@pytest.mark.parametrize(
    ("readings", "unheard", "moderator", "cause"),
    [
        ([reading(1)], [], None, ""),
        ([reading(1, agreement=0.80)], [], "contrarian", "early agreement"),
        ([reading(1, agreement=0.79)], [], None, ""),
        ([reading(1, agreement=0.80)], ["patients"], "ethicist", "early agreement"),
        ([reading(1), reading(2, agreement=0.9)], [], "contrarian", "early agreement"),
        ([reading(1), reading(2), reading(3, agreement=0.9)], [], None, ""),
        ([reading(1), reading(2, **STALLED)], [], "optimist", "conflict without novelty"),
        ([reading(1), reading(2, conflict=0.70, novelty=0.2)], [], None, ""),
        ([reading(1), reading(2, conflict=0.8, novelty=0.40)], [], None, ""),
        ([reading(1), reading(2, drift=0.51)], [], "sceptic", "drift"),
        ([reading(1), reading(2, drift=0.50)], [], None, ""),
        ([reading(n, agreement=1.0) for n in range(1, 7)], [], None, ""),
    ],
)
def test_a_moderator_is_called_when_the_measures_say_so(
    readings: list[ReadingState], unheard: list[str], moderator: str | None, cause: str
) -> None:
    call = moderation.wanted(readings, max_rounds=6, called=[], unheard=unheard)
    assert (call and call["moderator"]) == moderator
    if call:
        assert call["cause"] == cause
        assert call["reason"].endswith(".")


def test_each_moderator_is_called_once_and_no_more_than_two_are() -> None:
    agreed = [reading(1), reading(2, agreement=0.9)]
    assert moderation.wanted(agreed, max_rounds=6, called=["contrarian"]) is None
    second = moderation.wanted(agreed, max_rounds=6, called=["contrarian"], unheard=["patients"])
    assert second is not None
    assert second["moderator"] == "ethicist"
    assert moderation.wanted(agreed, max_rounds=6, called=["optimist", "sceptic"], unheard=["patients"]) is None


def test_the_facilitator_may_call_a_moderator_with_a_reason() -> None:
    call = moderation.wanted([reading(1)], max_rounds=6, called=[], asked="sceptic", reason="Nobody gave a figure.")
    assert call == {"moderator": "sceptic", "cause": "facilitator", "reason": "Nobody gave a figure."}
    assert moderation.wanted([reading(1)], max_rounds=6, called=[], asked="none") is None


def test_those_whom_a_decision_befalls_count_as_unheard_until_somebody_names_one_of_them() -> None:
    material = "Should the clinic close the ward? Patients and nurses would move."
    quiet = {"claim": "Closing saves money.", "reasons": ["The ward costs 2 million."]}
    assert moderation.unheard(material, [quiet]) == ["patients", "nurses"]
    assert moderation.unheard(material, [quiet, {"claim": "A nurse will leave.", "reasons": []}]) == []
    assert moderation.unheard("Rent or buy?", [quiet]) == []
    assert moderation.unheard("The neighbouring house closed.", [quiet]) == []


FRAME: Any = {"title": "t", "question": "q", "complexity": 3, "options": ["o"], "criteria": ["c"]}


def state(**values: Any) -> State:
    """Three sub-problems, of which the last depends on the first."""
    outline = [{"title": f"T{n}", "question": f"q{n}", "depends_on": [0] if n == 2 else []} for n in range(3)]
    base: dict[str, Any] = {
        "outline": outline,
        "max_rounds": 4,
        "seats": {"0": ["x"], "1": ["a", "b", "c"], "2": ["y"]},
        "frame": FRAME,
    }
    return State(**(base | values))  # type: ignore[typeddict-item]


def one(**values: Any) -> State:
    return state(outline=[{"title": "T", "question": "q", "depends_on": []}], **values)


def debating(**values: Any) -> Debate:
    base: dict[str, Any] = {
        "sub_problem": 1,
        "question": "q1",
        "round": 2,
        "max_rounds": 4,
        "board": ["a", "b", "c"],
        "frame": FRAME,
    }
    return Debate(**(base | values))  # type: ignore[typeddict-item]


def places(sent: Any) -> list[int]:
    assert all(send.node == "debate" for send in sent)
    return [send.arg["sub_problem"] for send in sent]


@pytest.mark.parametrize(("complexity", "parts"), [(1, 1), (3, 1), (4, 2), (5, 2), (6, 3), (8, 3), (9, 4), (10, 4)])
def test_complexity_sets_the_sub_problems(complexity: int, parts: int) -> None:
    assert parts_for(complexity) == parts


def test_every_sub_problem_is_given_its_board_at_once() -> None:
    assert [(send.node, send.arg["question"]) for send in to_selection(state())] == [
        ("select", question) for question in ("q0", "q1", "q2")
    ]


def test_one_sub_problem_goes_straight_on_and_several_meet_first() -> None:
    assert places(after_select(one())) == [0]
    assert after_select(one(review=True)) == "review"
    assert after_select(state()) == "review"
    assert after_debate(one(results={"0": {"rounds": 2}})) == "synthesis"
    assert after_debate(one(results={"0": {"failure": {}}})) == "gather"
    assert after_debate(state(results={"0": {"rounds": 2}})) == "gather"


DONE: Any = {"rounds": 2}
BROKEN: Any = {"failure": {"code": "x"}, "place": {"round": 2}}


@pytest.mark.parametrize(
    ("results", "sent"),
    [
        ({}, [0, 1]),
        ({"0": DONE}, [1, 2]),
        ({"0": DONE, "1": DONE}, [2]),
        ({"0": BROKEN, "1": DONE}, []),
        ({"0": {"place": {"round": 2}}, "1": DONE}, [0]),
        ({"0": DONE, "1": BROKEN}, [2]),
    ],
)
def test_sub_problems_are_debated_side_by_side_as_soon_as_what_they_need_is_settled(results: Any, sent: Any) -> None:
    going = after_gather(state(results=results))
    assert places(going if isinstance(going, list) else []) == sent


def test_when_all_are_settled_comes_the_synthesis() -> None:
    assert after_gather(state(results={"0": DONE, "1": DONE, "2": DONE})) == "synthesis"


def test_a_sub_problem_that_broke_begins_at_its_place() -> None:
    [send] = after_gather(
        state(results={"0": {"place": {"round": 3, "entry": "tally", "turns": {"k": {"spoke": True}}}}, "1": DONE})
    )
    assert isinstance(send.arg, dict)
    assert (send.arg["round"], send.arg["turns"]) == (3, {"k": {"spoke": True}})
    assert enter(send.arg) == "tally"
    assert enter(debating()) == "open_round"


def test_everybody_on_the_board_is_sent_with_their_place() -> None:
    sent = to_personas(debating())
    assert [(send.node, send.arg["persona"], send.arg["sub_problem"], send.arg["round"]) for send in sent] == [
        ("persona", slug, 1, 2) for slug in "abc"
    ]


def test_a_join_sends_again_only_those_it_recalls() -> None:
    sent = after_assess(debating(recall=["b"], decision="vote"))
    assert [(send.node, send.arg["persona"]) for send in sent] == [("persona", "b")]  # type: ignore[union-attr]
    sent = after_tally(debating(recall=["c"]))
    assert [(send.node, send.arg["persona"]) for send in sent] == [("vote", "c")]  # type: ignore[union-attr]


def test_after_a_round_comes_the_next_or_the_vote_or_whoever_is_called() -> None:
    for decision, node in (("continue", "persona"), ("vote", "vote")):
        sent = after_assess(debating(recall=[], decision=decision))
        assert [send.node for send in sent] == [node] * 3  # type: ignore[union-attr]
    assert after_assess(debating(recall=[], decision="moderate")) == "moderate"
    assert after_assess(debating(recall=[], decision="clarify")) == "consult"


def test_a_debate_that_is_settled_or_broken_ends() -> None:
    for found in (DONE, BROKEN):
        assert after_assess(debating(results={"1": found}, recall=[], decision="vote")) == "__end__"
        assert after_tally(debating(results={"1": found}, recall=[])) == "__end__"


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
