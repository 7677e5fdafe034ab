"""A selection: three to five personas whose methods differ, chosen for the question."""

import re

from llm.offline.argue.frame import complexity
from llm.offline.asking import Json
from llm.offline.lenses import PLAIN, Lens, lens_of
from llm.offline.prompt import Brief, Candidate
from llm.offline.seeds import Dice
from llm.offline.speech import Speech, sentence
from llm.offline.topics import Topic, topic_of
from llm.offline.words import SMALL

# Ways of reasoning that look for what could be gained, and for what is wrong: each has a seat on every board.
BUILDERS = ("first_principles", "opportunity", "customer", "long_view", "cost_benefit", "bottleneck", "incentives")
CRITICS = ("premortem", "red_team", "inversion")
# What ties a way of reasoning to the question at hand.
TIES = (
    ". Here that means looking hard at {measure}",
    ". {Party} are the test of it",
    ". The first thing to examine is {risk}",
    ". In this case it should begin with {cost}",
    ". What you say about {name} is its material",
    ". The figure of {fig} is where it can start",
)
_WORD = re.compile(r"[a-z]{4,}")


def selection(brief: Brief) -> Json:
    topic = topic_of(brief)
    dice = Dice("seats", brief.decision, brief.question)
    speech = Speech(brief, dice)
    seats = []
    for number, candidate in enumerate(_chosen(brief, topic, dice)):
        lens = lens_of(f"{candidate.method} {candidate.slug}", candidate.name)
        seats.append({"persona": candidate.slug, "reason": sentence(_reason(candidate, lens, brief, speech, number))})
    return {"seats": seats}


def _chosen(brief: Brief, topic: Topic, dice: Dice) -> list[Candidate]:
    """The best candidate of each way of reasoning, as many as the question deserves, one critic among them."""
    words = set(_WORD.findall(f"{brief.decision} {brief.question} {' '.join(topic.domains)}".lower()))
    ranked: list[tuple[float, Candidate, Lens]] = []
    told = set(re.findall(r"\w+", f"{brief.story} {brief.question}"))
    for candidate in brief.catalogue:
        if told & {word for word in candidate.name.split() if word.lower() not in SMALL}:
            continue  # somebody in the decision bears that name, and nobody could tell the two apart
        lens = lens_of(f"{candidate.method} {candidate.slug}", candidate.name)
        domains = candidate.domains.lower()
        fit = sum(1.0 for word in topic.domains if word in domains)
        fit += 0.4 * len(words & set(_WORD.findall(f"{domains} {candidate.name.lower()}")))
        ranked.append((fit + dice.between(0.0, 1.8) + (0.3 if lens is not PLAIN else 0.0), candidate, lens))
    ranked.sort(key=lambda row: (-row[0], row[1].slug))
    wanted = min(len(ranked), 3 if complexity(brief) <= 3 else 4 if complexity(brief) <= 7 else 5)
    chosen: list[tuple[float, Candidate, Lens]] = []
    for row in ranked:
        if len(chosen) < wanted and (row[2] is PLAIN or row[2] not in [one[2] for one in chosen]):
            chosen.append(row)
    for needed in (BUILDERS, CRITICS):
        able = [row for row in ranked if row[2].name in needed][:4]
        if able and chosen and not any(row[2].name in needed for row in chosen):
            chosen[-1 if needed is CRITICS else -2] = dice.pick(able)
    for row in ranked:
        if len(chosen) < min(3, len(ranked)) and row not in chosen:
            chosen.append(row)
    return [candidate for _, candidate, _ in chosen]


def _reason(candidate: Candidate, lens: Lens, brief: Brief, speech: Speech, number: int) -> str:
    if lens is PLAIN and candidate.method:
        method = candidate.method.rstrip(".")
        if len(method) < 90:
            said = speech.say(f"Reasons by {method[0].lower() + method[1:]}, an angle on {{noun}} no other seat has")
            return said or speech.first(lens.seat, number)
    said = speech.first(lens.seat, len(brief.question) + number)
    tied = speech.say(said.replace("{", "(") + TIES[(len(brief.question) + number) % len(TIES)])
    return tied or said
