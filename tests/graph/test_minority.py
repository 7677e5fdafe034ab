"""The minority report is a real voter's, in that voter's words."""

from typing import Any

import pytest

from sessions.graph.minority import verified
from sessions.graph.schemas import Dissent


def vote(name: str, option: str, confidence: float = 0.5, *reasons: str) -> dict[str, Any]:
    return {
        "persona": name.lower(),
        "name": name,
        "option": option,
        "confidence": confidence,
        "recommendation": f"Choose {option}, says {name}.",
        "reasons": list(reasons) or [f"{name} has counted the rents twice."],
        "conditions": [],
        "would_change_my_mind": "Rents fall by a tenth.",
        "sub_problem": 0,
    }


VOTES = [
    vote("Ada", "Stay"),
    vote("Bea", "Stay"),
    vote("Cem", "Move", 0.6),
    vote("Dov", "Move", 0.9, "Leeds has no candidates left.", "The lease in Lisbon can be ended in ninety days."),
]


def dissent(
    persona: str, quote: str, position: str = "The lease can be ended, so moving is the smaller bet."
) -> Dissent:
    return Dissent(persona=persona, position=position, quote=quote)


@pytest.mark.parametrize(
    "quote", ["Leeds has no candidates left.", "“leeds has no  candidates left”", "no candidates left"]
)
def test_a_true_holder_with_true_words_is_kept(quote: str) -> None:
    found = verified(dissent("Dov", quote), VOTES, "Stay")
    assert found["persona"] == "Dov"
    assert found["quote"] == quote.strip("“”")
    assert found["position"].startswith("The lease can be ended")


def test_made_up_words_are_replaced_by_what_the_holder_said_nearest_to_the_position() -> None:
    found = verified(dissent("Dov", "I would bet my house on Lisbon."), VOTES, "Stay")
    assert found["quote"] == "The lease in Lisbon can be ended in ninety days."


@pytest.mark.parametrize("named", ["Zoe", "", "Ada", "the board"])
def test_a_stranger_or_a_voter_of_the_majority_is_replaced_by_the_most_confident_dissenter(named: str) -> None:
    found = verified(dissent(named, "Ada has counted the rents twice."), VOTES, "Stay")
    assert found["persona"] == "Dov"
    assert found["position"] == "Choose Move, says Dov."
    assert found["quote"] in VOTES[3]["reasons"]


def test_a_quote_that_begins_with_somebody_elses_words_keeps_their_marks() -> None:
    said = "“No candidates are left” is what Leeds says every spring."
    votes = [VOTES[0], {**VOTES[3], "reasons": [said]}]
    assert verified(dissent("Dov", said), votes, "Stay")["quote"] == said
    assert verified(dissent("Dov", f"“{said}”"), votes, "Stay")["quote"] in (said, f"“{said}”")


def test_a_few_letters_are_no_quote() -> None:
    assert verified(dissent("Dov", "left."), VOTES, "Stay")["quote"] in VOTES[3]["reasons"]


def test_words_of_another_voter_are_not_the_holders() -> None:
    found = verified(dissent("Cem", "Leeds has no candidates left."), VOTES, "Stay")
    assert (found["persona"], found["quote"]) == ("Cem", "Cem has counted the rents twice.")


def test_nobody_is_named_when_all_voted_alike() -> None:
    found = verified(dissent("Ada", "Ada has counted the rents twice."), VOTES[:2], "Stay")
    assert (found["persona"], found["quote"]) == ("", "")
    assert found["position"]
