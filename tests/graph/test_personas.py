"""The catalogue, and how a board is seated from it."""

from typing import Any

import pytest

from sessions.graph import drafts, keys, texts
from sessions.personas import catalogue
from sessions.personas.catalogue import read
from sessions.personas.seating import seated
from tests.graph.room import Room

GOOD: dict[str, Any] = {
    "slug": "one",
    "name": "One",
    "method": "counting",
    "reasons": "Counts.",
    "domains": ["cost"],
    "temperament": "bold",
    "blind_spot": "What cannot be counted.",
}


def test_there_are_at_least_forty_ways_of_thinking() -> None:
    people = catalogue()
    assert len(people) >= 40
    assert len({person.method.casefold() for person in people.values()}) == len(people)
    assert len({person.name for person in people.values()}) == len(people)


def test_every_persona_is_told_how_to_think_in_two_to_four_sentences() -> None:
    for person in catalogue().values():
        sentences = person.reasons.replace("?", ".").replace(":", ",").count(". ") + 1
        assert 2 <= sentences <= 5, (person.slug, sentences)
        assert 150 < len(person.reasons) < 600, person.slug
        assert 3 <= len(person.domains) <= 10, person.slug


def test_no_slug_can_be_mistaken_for_another_key() -> None:
    assert not keys.RESERVED & set(catalogue())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"slug": "Not A Slug"}, "slug"),
        ({"slug": ""}, "missing"),
        ({"temperament": "grumpy"}, "temperament"),
        ({"blind_spot": ""}, "missing"),
        ({"extra": 1}, "unknown"),
    ],
)
def test_a_mistake_in_the_catalogue_is_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read([GOOD | change])


@pytest.mark.parametrize("change", [{}, {"slug": "two", "name": "Two"}, {"slug": "two", "method": "other"}])
def test_slugs_names_and_methods_are_unique(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"twice|shares"):
        read([GOOD, GOOD | change])


def board(*slugs: str, text: str = "", wanted: int = 3) -> list[str]:
    found = seated([(slug, "why") for slug in slugs], catalogue(), text=text, wanted=wanted)
    assert all(reason for _, reason in found)
    return [person.slug for person, _ in found]


def test_a_good_choice_is_left_alone() -> None:
    assert board("red-team", "base-rates", "ethicist") == ["red-team", "base-rates", "ethicist"]
    assert board("red-team", "base-rates", "ethicist", wanted=5) == ["red-team", "base-rates", "ethicist"]


def test_slugs_are_forgiven_their_spelling_and_names_will_do() -> None:
    assert board("Red Team", "base_rates", "Sister Maren Quist") == ["red-team", "base-rates", "ethicist"]


def test_strangers_and_repetitions_are_replaced_by_who_fits_the_question() -> None:
    found = board("red-team", "red-team", "nobody", text="Should we raise the price of our subscription for customers?")
    assert len(found) == 3
    assert found[0] == "red-team"
    assert len(set(found)) == 3
    assert "customer-day" in found


def test_an_empty_choice_gives_a_whole_board_with_a_doubter() -> None:
    found = board(text="Which lease should the shop sign?", wanted=5)
    assert len(found) == 5
    assert any(catalogue()[slug].temperament in ("sceptical", "contrarian") for slug in found)


def test_a_crowd_is_cut_to_five() -> None:
    assert len(board(*list(catalogue())[:9])) == 5


def test_the_same_choice_always_gives_the_same_board() -> None:
    assert board("x", text="hiring in Lisbon") == board("x", text="hiring in Lisbon")


async def test_a_seat_whose_persona_has_left_the_catalogue_keeps_its_name_and_method() -> None:
    room = Room()
    row = {"sub_problem": 0, "position": 0, "persona": "retired", "name": "Old Hand", "method": "memory", "reason": "r"}
    room.take([drafts.row("seat", keys.seat(0, "retired"), **row)])  # type: ignore[list-item]
    person = await texts.who(room, 0, "retired")
    assert (person.name, person.method) == ("Old Hand", "memory")
    assert "memory" in person.reasons
