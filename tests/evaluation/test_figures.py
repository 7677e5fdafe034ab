"""What modes come to, and how they compare on the same cases."""

from sessions.evaluation.answer import Move, failure
from sessions.evaluation.figures import by_mode, comparisons
from sessions.evaluation.judge import Marks
from tests.evaluation.conftest import decision, result, said

RIGHT, WRONG, OTHER = "Expand wholesale", "Open a second shop", "Wait a year"


def test_failures_and_unreadable_answers_count_as_not_right() -> None:
    [mode] = by_mode(
        [
            result(decision("a"), "board", said(RIGHT)),
            result(decision("b"), "board", failure("refused", "No.", recoverable=False)),
            result(decision("c"), "board", said("")),
            result(decision("d", key=""), "board", said(WRONG)),
        ]
    )
    assert mode.accuracy is not None
    assert (mode.accuracy.value, mode.accuracy.count) == (1 / 3, 3)
    assert (mode.failed, mode.unreadable, dict(mode.failures)) == (1, 1, {"refused": 1})


def test_what_went_over_budget_is_shown_and_counts_as_wrong_within_it() -> None:
    [mode] = by_mode(
        [
            result(decision("a"), "board", said(RIGHT), tokens=1001),
            result(decision("b"), "board", said(RIGHT), tokens=1000),
        ]
    )
    assert mode.accuracy is not None
    assert mode.within is not None
    assert (mode.accuracy.value, mode.within.value, mode.over) == (1.0, 0.5, 1)


def test_a_flip_is_told_by_what_it_turned_into() -> None:
    results = [
        result(decision("a"), "board", said(RIGHT, first=WRONG)),
        result(decision("b"), "board", said(WRONG, first=RIGHT)),
        result(decision("c"), "board", said(WRONG, first=OTHER)),
        result(decision("d"), "board", said(RIGHT, first=RIGHT)),
        result(decision("e"), "board", said(RIGHT, first="")),
        result(decision("f", key=""), "board", said(RIGHT, first=WRONG)),
    ]
    assert [item.turned for item in results] == ["to right", "to wrong", "sideways", "", "", "sideways"]


def test_voices_that_moved_are_counted_apart_from_the_answer() -> None:
    moves = [Move(who="Ada", before=RIGHT, after=WRONG), Move(who="Ben", before=WRONG, after=RIGHT)]
    [mode] = by_mode([result(decision("a"), "board", said(RIGHT, moves=moves))])
    assert dict(mode.moves) == {"to wrong": 1, "to right": 1}
    assert not mode.turns


def test_agreement_is_the_share_of_voices_behind_the_answer() -> None:
    [mode] = by_mode(
        [
            result(decision("a"), "board", said(RIGHT, RIGHT, RIGHT, WRONG, OTHER)),
            result(decision("b"), "board", said(RIGHT)),
        ]
    )
    assert mode.agreement is not None
    assert (mode.agreement.value, mode.agreement.count) == (0.5, 1), "one voice cannot agree with itself"


def test_modes_are_compared_on_the_cases_that_both_have() -> None:
    results = [
        result(decision("a"), "board", said(RIGHT)),
        result(decision("b"), "board", said(RIGHT)),
        result(decision("c"), "board", said(WRONG)),
        result(decision("a"), "single", said(WRONG)),
        result(decision("b"), "single", said(RIGHT)),
    ]
    [pair] = comparisons(results)
    assert pair.accuracy is not None
    assert (pair.one, pair.other, pair.accuracy.value, pair.accuracy.count) == ("board", "single", 0.5, 2)
    assert (pair.only_one, pair.only_other, pair.p) == (1, 0, 1.0)


def test_a_judge_that_contradicts_the_key_is_shown() -> None:
    wrong = result(decision(), "board", said(WRONG), marks=Marks(defensible=True, chosen=WRONG))
    right = result(decision(), "board", said(RIGHT), marks=Marks(defensible=False, chosen=WRONG))
    agreed = result(decision(), "board", said(RIGHT), marks=Marks(defensible=True, chosen=RIGHT))
    assert "the key does not" in wrong.quarrel
    assert "the key is met" in right.quarrel
    assert "Open a second shop" in right.quarrel
    assert agreed.quarrel == ""
