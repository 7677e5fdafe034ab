"""Faults that a reader of whole reports found, each as a class: the wrong field, options that nobody gave, dates that
are past, words put into the owner's mouth.
"""

import re

import pytest

from llm.offline.argue.deadlines import days_left
from llm.offline.choices import choices_for
from llm.offline.prompt import Brief
from llm.offline.reader import headline, read_story, speaks_against
from llm.offline.topics import TOPICS, topic_of
from sessions.graph import schemas
from tests.graph.test_twelve_decisions import DECISIONS
from tests.offline.decisions import CATALOGUE, Decision, answered, debate, prompt_of, section

FIELDS = {
    "hiring": "hiring", "pricing": "pricing", "architecture": "software", "relocation": "relocation",
    "devices": "regulated", "career": "personal", "supplier": "supplier", "acquisition": "money", "ward": "care",
    "farm": "land", "disclosure": "incident", "choir": "club",
}  # fmt: skip


def brief_of(decision: Decision) -> Brief:
    return Brief(decision.text, decision.context, options=decision.options, constraints=decision.constraints)


@pytest.mark.parametrize("name", DECISIONS)
def test_a_decision_is_argued_in_the_words_of_its_own_field(name: str) -> None:
    assert topic_of(brief_of(DECISIONS[name])).name == FIELDS[name]


def test_one_word_of_a_field_makes_no_field_of_a_long_decision() -> None:
    text = "We run a lighthouse " + "and keep its lamp " * 12 + "while prices stay as they are. Should we paint it?"
    assert topic_of(Brief(text)).name == "general"


@pytest.mark.parametrize("topic", TOPICS.values(), ids=lambda topic: topic.name)
def test_what_a_field_counts_and_pays_fits_a_verb_in_the_singular(topic: object) -> None:
    for phrase in (*topic.measures, *topic.costs):  # type: ignore[attr-defined]
        first = re.split(
            r" (?:of|to|for|in|on|that|between|with|per|from|taken|tied|ahead|during|until|it|as|a) ", phrase
        )[0]
        assert not re.search(r"(?<!s)s$", first), phrase


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (
            "Should the hospital close its maternity ward, which had 310 births, keep it open with locums, or turn it"
            " into a midwife-led unit?",
            ["Close the maternity ward", "Keep the maternity ward open with locums",
             "Turn the maternity ward into a midwife-led unit"],
        ),
        (
            "I have been offered a place in a nursing school in September. My savings last 18 months. I could also"
            " study part-time.",
            ["Accept a place in a nursing school in September", "Study part-time",
             "Decline, and keep things as they are"],
        ),
    ],
)  # fmt: skip
def test_every_option_is_the_owners_and_can_stand_alone(text: str, options: list[str]) -> None:
    assert [one.text for one in choices_for(Brief(text))] == options


def test_a_title_that_leaves_something_out_says_so() -> None:
    assert headline(
        "Should we raise the price to €39, introduce usage-based pricing, or keep it and cut the tier?"
    ) == ("Raise the price to €39, introduce usage-based pricing…")
    assert headline("Should we sell the van?") == "Sell the van"


def test_a_decision_that_only_asks_what_to_do_is_called_by_what_can_be_done() -> None:
    asked = section("decision", "The roof leaks, and the city pays two thirds of a new one. What should we do?")
    frame = answered(
        schemas.Frame, asked + section("options", ["Patch the roof", "Close for a year", "Close and tour"])
    )
    assert frame.title == "Patch the roof, close for a year or close and tour"


def test_half_a_sentence_is_not_quoted() -> None:
    story = read_story(
        "A friend would lend us 250,000 without interest, but wants a seat on the board of trustees; the rest is ours."
    )
    assert story.quotes == ("A friend would lend us 250,000 without interest",)


def test_nobody_sits_on_the_board_who_shares_a_name_with_somebody_in_the_decision() -> None:
    catalogue = CATALOGUE + "".join(
        f"- extra-{n} | {name} | method {n} | people\n" for n, name in enumerate(("Priya Nordstrom", "Jonas Weil"))
    )
    for name in ("hiring", "acquisition"):
        prompt = prompt_of(DECISIONS[name]) + f"<catalogue>\n{catalogue}</catalogue>\n"
        seats = {seat.persona for seat in answered(schemas.Selection, prompt).seats}
        assert not seats & ({"extra-0"} if name == "hiring" else {"extra-1"})


def test_no_speaker_takes_for_support_what_the_owner_said_against_that_option() -> None:
    against = "A third of the altos say they will leave if it is Schütz again"
    schuetz, brahms = choices_for(brief_of(DECISIONS["choir"]))[::-1]
    assert speaks_against(against, schuetz, brahms)
    assert not speaks_against(against, brahms, schuetz)
    one = debate(DECISIONS["choir"])
    for position in (position for turn in one.rounds for position in turn.values()):
        if "Schütz" in position.option:
            for reason in position.reasons:
                assert against not in reason or reason.startswith("I do not hide"), reason


BROUGHT = "Friday, 27 November 2026"


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("The offer is valid until 30 November.", 3),
        ("We tell the authority within 72 hours.", 3),
        ("The answer is due by Monday.", 3),
        ("It must be done by 1 March.", 94),
        ("We decide by the end of this month.", 3),
        ("The tractor loan runs on.", None),
        ("She reported on Tuesday that it leaked.", None),
    ],
)
def test_the_owners_own_date_is_read_from_the_day_it_was_brought(text: str, days: int | None) -> None:
    assert days_left(Brief(text, brought=BROUGHT)) == days


def test_what_must_be_done_by_a_date_is_due_before_it() -> None:
    decision = DECISIONS["acquisition"]
    memo = section("memo", "Recommendation: Raise money and go on\nCondition: A bank has agreed in writing")
    plan = answered(schemas.ActionPlan, prompt_of(decision) + section("brought", BROUGHT) + memo)
    *steps, review = plan.actions
    assert all(action.due_in_days <= 3 for action in steps)
    assert review.title == "Hold the review"


@pytest.mark.parametrize("name", DECISIONS)
def test_no_two_actions_of_a_plan_ask_for_the_same(name: str) -> None:
    plan = debate(DECISIONS[name], rounds=2).plan
    said = [" ".join(sorted(set(action.what.lower().split()))) for action in plan.actions]
    assert len(set(said)) == len(said)
    for one in plan.actions:
        alike = [
            other
            for other in plan.actions
            if other is not one and len(set(one.what.split()) & set(other.what.split())) > 0.7 * len(one.what.split())
        ]
        assert alike == [], (one.what, alike)


@pytest.mark.parametrize("name", DECISIONS)
def test_an_option_is_not_praised_twice_in_the_same_words(name: str) -> None:
    memo = debate(DECISIONS[name], rounds=2).memo
    for review in memo.options:
        bare = [
            {word for word in text.lower().split() if word.strip("“”.,") not in review.option.lower().split()}
            for text in review.strengths
        ]
        for number, words in enumerate(bare):
            assert all(len(words & other) < 0.7 * len(words | other) for other in bare[:number]), review.strengths


def test_a_fact_that_cannot_change_is_no_tripwire() -> None:
    for name, decision in DECISIONS.items():
        given = read_story(decision.text).givens
        for tripwire in debate(decision, rounds=2).memo.tripwires:
            assert not [fact for fact in given if fact in tripwire], (name, tripwire)
