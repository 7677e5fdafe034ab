"""Which option somebody means."""

import pytest

from sessions.graph.options import meant, recommended, united

OPTIONS = ["Move the team to Lisbon", "Stay in Leeds and hire four people", "Wait until autumn"]


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("Move the team to Lisbon", 0),
        ("  move the TEAM to lisbon. ", 0),
        ("“Move the team to Lisbon”", 0),
        ("Option A: Move the team to Lisbon", 0),
        ("Moving the team to Lisbon", 0),
        ("Stay in Leeds and hire", 1),
        ("Stay in Leeds, hiring four people", 1),
        ("Wait until autumn, then decide", 2),
    ],
)
def test_an_option_is_recognised_in_other_words(text: str, option: int) -> None:
    assert meant(text, OPTIONS) == OPTIONS[option]


@pytest.mark.parametrize("text", ["Close the support team", "Outsource to Porto", "Lisbon or Leeds"])
def test_what_is_none_of_the_options_stays_what_it_is(text: str) -> None:
    assert meant(text, OPTIONS) == text


def test_no_option_of_the_owner_is_lost_or_reworded() -> None:
    added = ["Open a second site in Porto", "Wait until autumn and rent desks meanwhile"]
    assert united(OPTIONS, ["Moving the team to Lisbon", "wait until autumn.", *added]) == [*OPTIONS, *added]


def test_the_list_is_bounded_but_never_cuts_the_owners() -> None:
    assert united([f"Owner's choice {word}" for word in "abcdefgh"], ["Another"], limit=6) == [
        f"Owner's choice {word}" for word in "abcdefgh"
    ]
    assert (
        len(united(["One"], [f"Plan {word} entirely" for word in ("red", "blue", "green", "black", "white", "grey")]))
        == 6
    )


def test_an_option_is_short_enough_to_be_repeated() -> None:
    [name] = united(["word " * 100], [])
    assert len(name) <= 380
    assert name.endswith("word…")
    assert meant(name, [name]) == name


@pytest.mark.parametrize(
    ("sentence", "option"),
    [
        ("Move the team to Lisbon by May.", 0),
        ("Wait until autumn, then move the team to Lisbon.", 2),
        ("Rather than wait until autumn, move the team to Lisbon.", 0),
        ("Do not move the team to Lisbon; wait until autumn.", 2),
        ("Choose “Stay in Leeds and hire four people”; hold “Wait until autumn” in reserve.", 1),
        ("Try something else.", 1),
    ],
)
def test_a_recommendation_is_for_the_first_option_it_does_not_turn_down(sentence: str, option: int) -> None:
    assert recommended(sentence, OPTIONS, OPTIONS[1]) == OPTIONS[option]
