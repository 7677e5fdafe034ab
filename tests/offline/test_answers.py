"""What is argued: valid for every schema, about the owner's own matter, and consistent from round to memo (LM9)."""

import json
import re
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from pydantic import BaseModel

from llm.offline.answer import answer
from sessions.graph import schemas
from tests.offline.decisions import (
    CATALOGUE,
    DECISIONS,
    PERSONAS,
    Debate,
    answered,
    ask_for,
    debate,
    persona_of,
    prompt_of,
    section,
)

STEPS = (
    schemas.Frame,
    schemas.Decomposition,
    schemas.Selection,
    schemas.Position,
    schemas.Assessment,
    schemas.Vote,
    schemas.Memo,
    schemas.ActionPlan,
)


@pytest.fixture(scope="module", params=sorted(DECISIONS))
def held(request: pytest.FixtureRequest) -> tuple[str, Debate]:
    return request.param, debate(DECISIONS[request.param])


def texts_of(value: Any) -> list[str]:
    if isinstance(value, BaseModel):
        value = value.model_dump()
    if isinstance(value, dict):
        return [text for item in value.values() for text in texts_of(item)]
    if isinstance(value, list):
        return [text for item in value for text in texts_of(item)]
    return [value] if isinstance(value, str) else []


def all_texts(one: Debate) -> list[str]:
    parts: list[Any] = [one.frame, *one.assessments, *one.votes.values(), one.memo, one.plan]
    parts += [position for turn in one.rounds for position in turn.values()]
    return [text for part in parts for text in texts_of(part)]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
@pytest.mark.parametrize("name", sorted(DECISIONS))
def test_every_step_answers_validly_about_every_decision(name: str, step: type[BaseModel]) -> None:
    prompt = prompt_of(DECISIONS[name]) + f"<catalogue>\n{CATALOGUE}</catalogue>\n"
    assert answered(step, prompt, persona_of(1))


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_every_step_answers_validly_when_the_prompt_is_empty(step: type[BaseModel]) -> None:
    assert answered(step, f"<catalogue>\n{CATALOGUE}</catalogue>\n")


def test_equal_asks_get_equal_answers() -> None:
    ask = ask_for(schemas.Position, prompt_of(DECISIONS["hiring"]), persona_of(0))
    assert answer(ask) == answer(ask)


def test_the_argument_uses_the_owners_own_words(held: tuple[str, Debate]) -> None:
    name, one = held
    said = " ".join(text for turn in one.rounds for position in turn.values() for text in texts_of(position))
    found = [word for word in DECISIONS[name].words if word in said]
    assert len(found) >= 3, f"only {found} of {DECISIONS[name].words}"


def test_the_owners_options_are_kept_word_for_word() -> None:
    decision = DECISIONS["relocation"]
    assert tuple(answered(schemas.Frame, prompt_of(decision)).options) == decision.options


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hiring", ["Hire one senior backend engineer at €95k", "Hire two juniors at €55k each"]),
        (
            "pricing",
            ["Raise the price to €39", "Introduce usage-based pricing", "Keep the price and cut the free tier"],
        ),
    ],
)
def test_options_are_found_in_the_text_when_none_are_listed(name: str, expected: list[str]) -> None:
    assert answered(schemas.Frame, prompt_of(DECISIONS[name])).options == expected


def test_sensible_options_are_proposed_when_the_text_names_none() -> None:
    options = answered(
        schemas.Frame, section("decision", "Should I quit my job at the bank to open a bakery in Graz?")
    ).options
    assert options[0] == "Quit my job at the bank to open a bakery in Graz"
    assert len(options) == 3


def test_every_position_and_vote_is_for_one_of_the_options(held: tuple[str, Debate]) -> None:
    _, one = held
    chosen = {position.option for turn in one.rounds for position in turn.values()}
    chosen |= {vote.option for vote in one.votes.values()}
    assert chosen <= set(one.frame.options)


def test_a_board_does_not_begin_unanimous() -> None:
    begun = [
        len({position.option for position in debate(one, rounds=1).rounds[0].values()}) for one in DECISIONS.values()
    ]
    assert sum(count > 1 for count in begun) >= len(begun) - 1


def test_different_methods_make_different_claims(held: tuple[str, Debate]) -> None:
    _, one = held
    claims = [position.claim for position in one.rounds[0].values()]
    assert len(set(claims)) == len(claims)


def test_the_first_round_answers_nobody_and_later_rounds_answer_a_peer(held: tuple[str, Debate]) -> None:
    _, one = held
    assert all(not position.response for position in one.rounds[0].values())
    for turn in one.rounds[1:]:
        assert all("Participant" in position.response for position in turn.values())


def test_convergence_does_not_fall_as_the_board_talks(held: tuple[str, Debate]) -> None:
    _, one = held
    shares = [assessment.convergence for assessment in one.assessments]
    assert all(after >= before - 0.1 for before, after in pairwise(shares))


def test_somebody_changes_their_mind_and_says_why() -> None:
    moved = []
    for one in (debate(decision) for decision in DECISIONS.values()):
        for before, after in pairwise(one.rounds):
            moved += [after[seat] for seat in after if after[seat].option != before[seat].option]
    assert moved
    assert all("Participant" in position.response for position in moved)


def test_an_assessment_that_goes_on_gives_guidance_and_one_that_votes_gives_none(held: tuple[str, Debate]) -> None:
    _, one = held
    for assessment in one.assessments:
        assert bool(assessment.guidance) == (assessment.decision == "continue")
        assert len(assessment.summary.split()) <= 150


def test_the_memo_recommends_what_the_votes_prefer(held: tuple[str, Debate]) -> None:
    _, one = held
    weight: dict[str, float] = {}
    for vote in one.votes.values():
        weight[vote.option] = weight.get(vote.option, 0.0) + vote.confidence
    assert one.memo.options[0].option == max(weight, key=lambda option: weight[option])


def test_the_dissent_is_a_voters_and_in_the_voters_words(held: tuple[str, Debate]) -> None:
    _, one = held
    leader = one.memo.options[0].option
    against = {PERSONAS[seat][1]: vote for seat, vote in one.votes.items() if vote.option != leader}
    dissent = one.memo.dissent
    if not against:
        assert (dissent.persona, dissent.quote) == ("", "")
        assert dissent.position
    else:
        assert dissent.quote in (against[dissent.persona].recommendation, *against[dissent.persona].reasons)


def test_the_plan_acts_on_the_recommendation(held: tuple[str, Debate]) -> None:
    _, one = held
    titles = " ".join(action.title.lower() for action in one.plan.actions)
    leader = one.memo.options[0].option.lower().split()
    assert leader[-1].strip(".") in titles or leader[1] in titles
    assert [action.due_in_days for action in one.plan.actions] == sorted(a.due_in_days for a in one.plan.actions)


def test_a_constraint_of_the_owner_reaches_memo_and_plan() -> None:
    one = debate(DECISIONS["relocation"])
    assert any("€80,000" in condition for condition in one.memo.conditions)
    assert any("€80,000" in action.what for action in one.plan.actions)


def test_no_text_holds_an_unfilled_slot_or_a_doubled_word(held: tuple[str, Debate]) -> None:
    _, one = held
    for text in all_texts(one):
        assert not re.search(r"[{}]|\bNone\b|\b(the|a|of|to|and) \1\b|  |\.\.(?!\.)| [,.;]", text), text
        assert "the risk of the risk" not in text, text


def test_sentences_are_seldom_repeated_within_a_report(held: tuple[str, Debate]) -> None:
    _, one = held
    said = [text for turn in one.rounds for position in turn.values() for text in (position.claim, *position.reasons)]
    assert len(set(said)) >= 0.8 * len(said)


def test_a_bare_decision_is_asked_about_once() -> None:
    bare = section("decision", "Should I sell the company?")
    assert 1 <= len(answered(schemas.Frame, bare).missing_facts) <= 2
    asked = bare + section("answers", ["How many months does the cash last if nothing changes? — Nine."])
    assert answered(schemas.Frame, asked).missing_facts == []


def test_a_full_decision_is_asked_about_only_on_request() -> None:
    full = DECISIONS["devices"].text
    assert answered(schemas.Frame, section("decision", full)).missing_facts == []
    assert answered(schemas.Frame, section("decision", f"{full}\nAsk me first")).missing_facts


def test_a_selection_seats_different_methods_from_the_catalogue(held: tuple[str, Debate]) -> None:
    name, _ = held
    prompt = prompt_of(DECISIONS[name]) + f"<catalogue>\n{CATALOGUE}</catalogue>\n"
    seats = [seat.persona for seat in answered(schemas.Selection, prompt).seats]
    assert len(set(seats)) == len(seats)
    assert set(seats) <= {slug for slug, _, _ in PERSONAS}


def test_the_owners_interjection_is_taken_up() -> None:
    base = prompt_of(DECISIONS["relocation"]) + '<round number="2" of="4"/>\n'
    base += section(
        "peers", ["Participant A (confidence 0.70) argues for Move everybody to Leipzig by 1 March: It is cheaper"]
    )
    base += section("interjections", ["Two of our partners have just refused to leave Munich"])
    position = answered(schemas.Position, base, persona_of(4))
    assert any("just refused to leave Munich" in reason for reason in position.reasons)


class Novel(BaseModel):
    """A schema that no step has."""

    headline: str
    scores: list[float]
    open: bool
    nested: dict[str, str] | None = None


def test_an_unknown_schema_is_filled_validly() -> None:
    assert answered(Novel, prompt_of(DECISIONS["pricing"]))


def test_bounds_moved_into_descriptions_are_kept() -> None:
    from anthropic import transform_schema

    ask = ask_for(schemas.Memo, prompt_of(DECISIONS["devices"]))
    moved = replace(ask, schema=transform_schema(schemas.Memo))
    assert schemas.Memo.model_validate(json.loads(answer(moved)))
