"""The catalogue, and how a board is seated from it."""

import re
from collections import Counter
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.graph import drafts, keys, texts
from sessions.personas import catalogue
from sessions.personas.catalogue import TEMPERAMENTS, read
from sessions.personas.seating import dealt, replaced, seated
from tests.graph.room import Deliberation, Room

GOOD: dict[str, Any] = {
    "slug": "one",
    "name": "One",
    "method": "counting",
    "reasons": "You count what can be counted, twice, and say what is left over. " * 3,
    "domains": ["cost", "price", "budget"],
    "temperament": "bold",
    "blind_spot": "What cannot be counted.",
}


WORDS = re.compile(r"[a-z]+(?:['-][a-z]+)*")
#: Ways of reasoning that a board cannot do without, each by a word of a method that stands for it.
KINDS = (
    "pre-mortem", "first principles", "reference class", "inversion", "expected value", "feedback loops",
    "stakeholder", "red team", "precedents", "bayesian", "game theory", "scenario", "experiment", "criteria",
)  # fmt: skip
#: Words that make a text sound like a brochure; a persona is told how to think in plain ones.
JARGON = frozenset(
    {
        "leverage", "synergy", "synergies", "holistic", "paradigm", "actionable", "ideate", "empower", "robust",
        "cutting-edge", "world-class", "best-in-class", "seamless", "innovative", "transformative", "utilise",
        "utilize", "deep-dive", "bandwidth",
    }
)  # fmt: skip


def plain(text: str) -> set[str]:
    return {word for word in WORDS.findall(text.lower()) if len(word) > 3}


def test_there_are_at_least_forty_ways_of_thinking() -> None:
    people = catalogue()
    assert len(people) >= 40
    assert len({person.method.casefold() for person in people.values()}) == len(people)
    assert len({person.name for person in people.values()}) == len(people)


@pytest.mark.parametrize("kind", KINDS)
def test_a_way_of_reasoning_that_a_board_needs_has_somebody_who_stands_for_it(kind: str) -> None:
    assert [who.slug for who in catalogue().values() if kind in who.method.casefold()]


def test_every_temperament_is_there_several_times_and_none_is_the_half_of_all() -> None:
    tempers = Counter(who.temperament for who in catalogue().values())
    assert set(tempers) == set(TEMPERAMENTS)
    assert min(tempers.values()) >= 2
    assert max(tempers.values()) <= len(catalogue()) / 2


def test_nobody_is_told_what_somebody_else_is_told() -> None:
    """Instructions and blind spots share fewer than a third of their words, for any two personas."""
    for one, other in combinations(catalogue().values(), 2):
        for mine, theirs in ((one.reasons, other.reasons), (one.blind_spot, other.blind_spot)):
            left, right = plain(mine), plain(theirs)
            assert len(left & right) / len(left | right) < 1 / 3, (one.slug, other.slug, left & right)
        assert one.reasons.split()[:5] != other.reasons.split()[:5], (one.slug, other.slug)


def test_every_persona_is_told_how_to_think_in_two_to_five_sentences() -> None:
    for person in catalogue().values():
        sentences = len(re.findall(r"[.?!](?:\s|$)", person.reasons))
        assert 2 <= sentences <= 6, (person.slug, sentences)
        assert 20 <= len(person.blind_spot) <= 200, person.slug
        assert len(set(person.domains)) == len(person.domains) >= 3, person.slug


def test_personas_are_told_in_plain_words() -> None:
    """No jargon, words that are not long, sentences that are not either."""
    for person in catalogue().values():
        found = WORDS.findall(person.reasons.lower())
        assert not JARGON & set(found), person.slug
        assert sum(map(len, found)) / len(found) < 5.2, (person.slug, sum(map(len, found)) / len(found))
        longest = max(len(sentence.split()) for sentence in re.split(r"[.?!:;]\s", person.reasons))
        assert longest <= 40, (person.slug, longest)


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
        ({"reasons": "Counts."}, "between 150 and 700"),
        ({"reasons": "You count. " * 90}, "between 150 and 700"),
        ({"domains": ["cost"]}, "3 to 12 domains"),
        ({"domains": ["cost", "price", "x" * 41]}, "3 to 12 domains"),
        ({"method": "m" * 81}, "method has 81"),
        ({"name": "n" * 81}, "name has 81"),
    ],
)
def test_a_mistake_in_the_catalogue_is_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read([GOOD | change])


@pytest.mark.parametrize("change", [{}, {"slug": "two", "name": "Two"}, {"slug": "two", "method": "other"}])
def test_slugs_names_and_methods_are_unique(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"twice|shares"):
        read([GOOD, GOOD | change])


def board(*slugs: str, text: str = "", wanted: int = 3, **wishes: list[str]) -> list[str]:
    found = seated([(slug, "why") for slug in slugs], catalogue(), text=text, wanted=wanted, **wishes)
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


def test_whom_the_owner_picked_sits_first_and_the_rest_of_the_choice_fills_up() -> None:
    found = board("red-team", "base-rates", "ethicist", "talent", picked=["cash-runway"], wanted=4)
    assert found == ["cash-runway", "red-team", "base-rates", "ethicist"]


def test_five_picks_are_the_board() -> None:
    wishes = ["cash-runway", "ethicist", "talent", "regret", "sequence"]
    assert board("red-team", "base-rates", "inversion", picked=wishes) == wishes


def test_a_pick_does_not_push_out_the_only_doubter() -> None:
    found = board("talent", "ethicist", "red-team", picked=["customer-day"])
    assert found == ["customer-day", "talent", "red-team"]


def test_a_pick_that_the_model_chose_too_keeps_the_models_reason() -> None:
    found = seated(
        [("Red Team", "Looks at the lock."), ("ethicist", "why"), ("talent", "why")],
        catalogue(),
        text="",
        picked=["red-team", "regret"],
    )
    reasons = {who.slug: reason for who, reason in found}
    assert reasons["red-team"] == "You asked for this seat. Looks at the lock."
    assert reasons["regret"].startswith("You asked for this seat. Its method: regret")


def test_nobody_whom_the_owner_refused_sits_whatever_the_model_says() -> None:
    refused = ["red-team", "base-rates"]
    found = board("red-team", "base-rates", "ethicist", vetoed=refused, text="A contract with a supplier of data")
    assert len(found) == 3
    assert not set(found) & set(refused)


def test_no_two_of_one_method_sit_together() -> None:
    people = dict(catalogue())
    people["twin"] = replace(people["red-team"], slug="twin", name="Somebody Else")
    found = seated([("red-team", "a"), ("twin", "b"), ("ethicist", "c")], people, text="")
    methods = [who.method for who, _ in found]
    assert len(methods) == len(set(methods)) == 3


def test_a_retired_persona_is_seated_on_no_board() -> None:
    people = dict(catalogue())
    people["red-team"] = replace(people["red-team"], retired=True)
    found = seated([("red-team", "a"), ("ethicist", "b")], people, text="", picked=["red-team"])
    assert "red-team" not in {who.slug for who, _ in found}


def test_a_refused_seat_goes_to_the_next_best_and_nobody_else_moves() -> None:
    text = "Should we raise the price of our subscription for customers?"
    whole = seated([(slug, "why") for slug in ("red-team", "base-rates", "ethicist", "talent")], catalogue(), text=text)
    after = replaced(whole, catalogue(), unwanted=["base-rates"], vetoed=["customer-day"], text=text)
    assert [who.slug for who, _ in after][::2] == ["red-team", "ethicist"]
    assert after[3] == whole[3]
    fresh, reason = after[1]
    assert fresh.slug not in {"base-rates", "customer-day", *(who.slug for who, _ in whole)}
    assert fresh.method in reason
    assert after == replaced(whole, catalogue(), unwanted=["base-rates"], vetoed=["customer-day"], text=text)


def test_a_board_whose_only_doubter_is_refused_gets_another() -> None:
    whole = seated([(slug, "why") for slug in ("talent", "ethicist", "red-team")], catalogue(), text="")
    after = replaced(whole, catalogue(), unwanted=["red-team"], text="")
    assert after[2][0].temperament in ("sceptical", "contrarian")


@given(
    st.lists(st.sampled_from([*catalogue(), "nobody", "Red Team"]), max_size=8),
    st.lists(st.sampled_from(list(catalogue())), max_size=7, unique=True),
    st.sets(st.sampled_from(list(catalogue())), max_size=30),
    st.integers(1, 9),
)
def test_every_choice_wish_and_refusal_gives_a_board_fit_to_sit(
    chosen: list[str], picked: list[str], vetoed: set[str], wanted: int
) -> None:
    found = board(*chosen, picked=[slug for slug in picked if slug not in vetoed], vetoed=sorted(vetoed), wanted=wanted)
    assert 3 <= len(found) <= 5
    assert len(set(found)) == len({catalogue()[slug].method for slug in found}) == len(found)
    assert not vetoed & set(found)
    assert [slug for slug in picked if slug not in vetoed][:5] == found[: min(5, len(set(picked) - vetoed))]


def test_seats_are_dealt_among_the_model_families_so_that_three_have_two() -> None:
    assert dealt(3, ("anthropic", "openai")) == ["anthropic", "openai", "anthropic"]
    assert dealt(2, ("anthropic",)) == ["", ""]
    assert dealt(2, ()) == ["", ""]


async def test_the_reason_method_version_and_family_of_each_seat_are_told() -> None:
    d = Deliberation(families=("anthropic", "openai"))
    await d.drive()
    [told] = d.room.of("board_selected")
    seats = d.room.table("seat")
    assert [seat["provider"] for seat in seats] == ["anthropic", "openai", "anthropic"]
    for seat, shown in zip(seats, told["seats"], strict=True):
        assert all(seat[name] for name in ("reason", "method", "name"))
        assert seat["version"] == 1
        assert {name: seat[name] for name in shown} == shown


async def test_no_prompt_of_a_debate_names_a_provider_or_a_model() -> None:
    d = Deliberation(families=("anthropic", "openai"))
    await d.drive()
    for request in d.voice.requests:
        assert not re.search("anthropic|openai|scripted", request.system + request.prompt, re.IGNORECASE)


async def test_the_owners_wishes_reach_the_model_and_the_board() -> None:
    d = Deliberation()
    d.room.said = replace(d.room.said, picked=["regret"], vetoed=["pre-mortem"])
    await d.drive()
    [request] = d.voice.asked("select")
    wished, listed = request.prompt.split("<wanted>")[1].split("</wanted>")
    assert wished.strip().startswith("- regret | ")
    assert "- pre-mortem | " not in listed
    assert [seat["persona"] for seat in d.room.table("seat")] == ["regret", "cost-benefit", "stakeholders"]


async def test_a_seat_whose_persona_has_left_the_catalogue_keeps_its_name_and_method() -> None:
    room = Room()
    row = {"sub_problem": 0, "position": 0, "persona": "retired", "name": "Old Hand", "method": "memory", "reason": "r"}
    room.take([drafts.row("seat", keys.seat(0, "retired"), **row)])  # type: ignore[list-item]
    person = await texts.who(room, 0, "retired")
    assert (person.name, person.method) == ("Old Hand", "memory")
    assert "memory" in person.reasons
