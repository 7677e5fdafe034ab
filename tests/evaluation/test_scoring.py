"""Marks without a judge, votes, and what a judge's marks are worth."""

import pytest

from sessions.evaluation import budget, judge, scoring
from sessions.evaluation.answer import Answer, Ballot, failure
from sessions.evaluation.schemas import Mark, RubricMarks
from sessions.evaluation.suite import Criterion
from sessions.evaluation.votes import majority, plurality
from tests.evaluation.conftest import OPTIONS, decision, number, said


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("Expand wholesale", "Expand wholesale"),
        ("expand wholesale.", "Expand wholesale"),
        ("We should expand wholesale to the cafés first", "Expand wholesale"),
        ("Sell the bakery", ""),
        ("", ""),
    ],
)
def test_an_option_is_read_from_how_a_model_repeats_it(text: str, option: str) -> None:
    assert scoring.option_of(text, OPTIONS) == option


def test_what_cannot_be_read_is_not_right_and_without_a_key_nothing_is() -> None:
    assert scoring.is_right(decision(), "Expand wholesale") is True
    assert scoring.is_right(decision(), "") is False
    assert scoring.is_right(decision(key=""), "Expand wholesale") is None
    assert scoring.is_right(number(), "31") is True
    assert scoring.is_right(number(), "about thirty") is False


def test_a_phrase_is_found_whatever_its_case_and_spaces() -> None:
    criterion = Criterion("c", "Uses the term", 1.0, ("eleven months",))
    assert scoring.mentioned(criterion, Answer(reasons=["Cash lasts for Eleven\n months."]))
    assert not scoring.mentioned(criterion, Answer(reasons=["Cash lasts for ten months."]))


def test_most_voices_win_then_confidence_then_the_first() -> None:
    def ballot(said: str, confidence: float) -> Ballot:
        return Ballot(who="x", said=said, confidence=confidence)

    assert majority([ballot("a", 0.9), ballot("b", 0.1), ballot("b", 0.1)]) == "b"
    assert majority([ballot("a", 0.4), ballot("b", 0.6)]) == "b"
    assert majority([ballot("a", 0.5), ballot("b", 0.5)]) == "a"
    assert majority([ballot("", 1.0), ballot("", 1.0), ballot("b", 0.1)]) == "b", "who cannot be read has no vote"
    assert majority([]) == ""


def test_a_tie_of_first_voices_is_no_answer() -> None:
    assert plurality(["a", "b", "b"]) == "b"
    assert plurality(["a", "b"]) == ""
    assert plurality(["", ""]) == ""


def test_a_mark_counts_only_with_words_of_the_answer() -> None:
    case = decision(rubric=tuple(Criterion(f"c{n}", f"Criterion {n}") for n in (1, 2, 3, 4)))
    answer = said("Expand wholesale", reasons=["The debt of a shop would pass our limit."])
    given = RubricMarks(
        marks=[
            Mark(criterion="c1", met=True, evidence="“the debt of a  shop”"),
            Mark(criterion="c2", met=True, evidence="the lease is short"),
            Mark(criterion="c3", met=False, evidence=""),
            Mark(criterion="c1", met=False, evidence=""),
            Mark(criterion="c9", met=True, evidence="debt"),
        ],
        chosen="expand wholesale",
        defensible=True,
        comment="",
    )
    marks = judge.read(case, answer, given)
    assert (marks.met, marks.unsupported, marks.unmarked) == (["c1"], ["c2"], ["c4"])
    assert marks.chosen == "Expand wholesale"
    assert judge.score(case, answer, marks) == 0.25


def test_weights_and_phrases_make_the_score_and_a_failed_answer_scores_nothing() -> None:
    case = decision(rubric=(Criterion("c1", "Debt", 3.0), Criterion("c2", "Cafés", 1.0, ("café",))))
    answer = said("Expand wholesale", reasons=["Four cafés ask."])
    assert judge.score(case, answer, judge.Marks(met=["c1"])) == 1.0
    assert judge.score(case, answer, judge.Marks()) == 0.25
    assert judge.score(case, failure("refused", "No.", recoverable=False), None) == 0.0


def test_without_a_judge_or_with_one_that_failed_there_is_no_score() -> None:
    answer = said("Expand wholesale")
    assert judge.score(decision(), answer, None) is None
    assert judge.score(decision(), answer, judge.Marks(code="refused")) is None
    assert judge.score(decision(rubric=(Criterion("c", "x", 1.0, ("wholesale",)),)), answer, None) == 1.0


def test_the_judge_sees_neither_key_nor_mode_nor_names() -> None:
    case = decision(why="because of the debt limit")
    answer = said("Expand wholesale", "Expand wholesale", reasons=["Voice 0 fears the debt.", "sample"])
    text = judge.question(case, answer).lower()
    for secret in ("because of the debt limit", "voice 0", "single", "board", "self-consistency", "consensus"):
        assert secret not in text
    assert "one voice fears the debt" in text


def test_a_sample_more_is_asked_while_one_of_average_size_fits() -> None:
    assert budget.affords(0, 0, 1), "one at least, however small the budget"
    assert budget.affords(1000, 2, 1500)
    assert not budget.affords(1001, 2, 1500)
