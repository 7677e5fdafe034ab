"""Very different decisions, and prompts for every step of a deliberation about one."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TypeVar

from pydantic import BaseModel

from llm.offline.answer import answer
from llm.offline.asking import Ask
from sessions.graph import schemas

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True)
class Decision:
    text: str
    context: str = ""
    options: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    # Words of which some must come back in what is argued.
    words: tuple[str, ...] = field(default=())


DECISIONS = {
    "hiring": Decision(
        "We need to decide whether to hire one senior backend engineer at €95k or two juniors at €55k each. Our"
        " payments service has had three outages since May and only Priya understands it.",
        constraints=("The yearly budget is €115,000",),
        words=("Priya", "senior backend engineer", "juniors", "outages", "€115,000"),
    ),
    "pricing": Decision(
        "Our bookkeeping app costs €29 a month for 1,900 customers. Churn is 4 % a month and support costs have doubled"
        " since January. Should we raise the price to €39, introduce usage-based pricing, or keep the price and cut the"
        " free tier?",
        words=("€39", "€29", "usage-based", "free tier", "support costs"),
    ),
    "architecture": Decision(
        "Should we split our Rails monolith into microservices before the Black Friday peak, or first extract the"
        " checkout module and keep the rest? Deployments take 45 minutes, and two of our nine engineers have run"
        " Kubernetes in production.",
        constraints=("No downtime longer than five minutes", "Everything must be done by 15 October"),
        words=("monolith", "checkout", "Kubernetes", "45 minutes", "15 October"),
    ),
    "relocation": Decision(
        "Should we move our 14-person consultancy from Munich to Leipzig by 1 March? Rent in Munich is €9,400 a month"
        " and the lease ends in June. Our largest client, Siemens Energy, wants us within an hour of its Erlangen site."
        " Four of our senior engineers have children in school.",
        options=(
            "Move everybody to Leipzig by 1 March",
            "Stay in Munich and renew the lease for three years",
            "Open a small Leipzig office as a pilot and keep half the Munich floor",
        ),
        constraints=("No more than €80,000 in one-off costs",),
        words=("Leipzig", "Munich", "Erlangen", "€9,400", "€80,000"),
    ),
    "devices": Decision(
        "We make a wearable glucose monitor and must choose the first market. The CE mark is granted; the FDA has asked"
        " for data on 300 more patients, which takes 14 months. Our cash lasts 20 months. Investors want the US first.",
        options=("Launch in Germany now", "Wait and launch in the US first", "Run a limited release at two clinics"),
        constraints=("Patient safety comes before dates",),
        words=("Germany", "FDA", "300", "14 months", "clinics"),
    ),
    "career": Decision(
        "I am 41, a civil engineer with two children, and I have been offered a place in a nursing school in September."
        " My savings last 18 months. My wife supports it, my father calls it madness. I could also study part-time.",
        words=("savings", "part-time", "18 months", "wife", "September"),
    ),
}

PERSONAS = (
    ("pre-mortem", "The Undertaker", "pre-mortem"),
    ("base-rates", "The Outsider", "outside view by reference class"),
    ("cost-benefit", "The Accountant", "expected value ledger"),
    ("red-team", "The Attacker", "red team attack"),
    ("stakeholders", "The Listener", "stakeholder by stakeholder"),
    ("real-options", "The Optioneer", "real options"),
    ("bottleneck", "The Dispatcher", "theory of constraints"),
    ("regret", "The Elder", "regret over a lifetime"),
)
CATALOGUE = "".join(f"- {slug} | {name} | {method} | strategy, people\n" for slug, name, method in PERSONAS)


def section(tag: str, value: str | Sequence[str]) -> str:
    if not value:
        return ""
    lines = value if isinstance(value, str) else "\n".join(f"- {item}" for item in value)
    return f"<{tag}>\n{escape(lines, quote=False)}\n</{tag}>\n"


def prompt_of(decision: Decision) -> str:
    parts = (("decision", decision.text), ("context", decision.context), ("options", decision.options))
    return "".join(section(*part) for part in (*parts, ("constraints", decision.constraints)))


def persona_of(number: int) -> str:
    slug, name, method = PERSONAS[number]
    return f'<persona slug="{slug}" name="{name}" method="{method}">\nYou reason by {method}.\n</persona>'


def ask_for(schema: type[BaseModel], prompt: str, system: str = "", model: str = "offline-core") -> Ask:
    return Ask(
        provider="anthropic",
        model=model,
        system=system,
        prompt=prompt,
        schema=schema.model_json_schema(),
        title=schema.__name__,
        tool=None,
        max_tokens=None,
        stream=False,
        stream_usage=True,
        cacheable="",
        extra="",
    )


def answered(schema: type[T], prompt: str, system: str = "") -> T:
    return schema.model_validate_json(answer(ask_for(schema, prompt, system)))


@dataclass
class Debate:
    """A whole deliberation on one question, driven as the graph drives it."""

    frame: schemas.Frame
    rounds: list[dict[int, schemas.Position]]
    assessments: list[schemas.Assessment]
    votes: dict[int, schemas.Vote]
    memo: schemas.Memo
    plan: schemas.ActionPlan


def debate(decision: Decision, seats: Sequence[int] = (0, 2, 3, 4, 6), rounds: int = 4) -> Debate:
    frame = answered(schemas.Frame, prompt_of(decision))
    base = section("decision", decision.text) + section("options", frame.options)
    base += section("constraints", decision.constraints) + section("criteria", frame.criteria)
    base += section("question", frame.question)
    said: list[dict[int, schemas.Position]] = []
    read: list[schemas.Assessment] = []
    for number in range(1, rounds + 1):
        turn = f'<round number="{number}" of="{rounds}"/>\n'
        heard = {seat: _heard(seat, said, read) for seat in seats}
        now = {seat: answered(schemas.Position, base + turn + heard[seat], persona_of(seat)) for seat in seats}
        said.append(now)
        spoken = [
            f"{PERSONAS[seat][1]} | {one.option} | {one.confidence:.2f} | {one.claim} | {'; '.join(one.reasons)}"
            for seat, one in now.items()
        ]
        summary = section("summary", read[-1].summary) if read else ""
        read.append(answered(schemas.Assessment, base + turn + summary + section("contributions", spoken)))
        if read[-1].decision == "vote":
            break
    votes = {seat: answered(schemas.Vote, base + _heard(seat, said, read), persona_of(seat)) for seat in seats}
    cast = [
        f"{PERSONAS[seat][1]} | {one.option} | {one.confidence:.2f} | {one.recommendation} | {'; '.join(one.reasons)}"
        for seat, one in votes.items()
    ]
    memo = answered(schemas.Memo, base + section("votes", cast))
    lines = [f"Recommendation: {memo.recommendation}", f"Rationale: {memo.rationale}"]
    lines += [f"Condition: {item}" for item in memo.conditions] + [f"Tripwire: {item}" for item in memo.tripwires]
    plan = answered(schemas.ActionPlan, base + section("memo", "\n".join(lines)))
    return Debate(frame, said, read, votes, memo, plan)


def _heard(seat: int, said: list[dict[int, schemas.Position]], read: list[schemas.Assessment]) -> str:
    if not said:
        return ""
    last = said[-1]
    mine = last[seat]
    own = f"You | {mine.option} | {mine.confidence:.2f} | {mine.claim} | {'; '.join(mine.reasons)}"
    others = [one for other, one in last.items() if other != seat]
    peers = [
        f"Participant {letter} (confidence {one.confidence:.2f}) argues for {one.option}: "
        + "; ".join([one.claim, *one.reasons])
        for letter, one in zip("ABCDEFG", others, strict=False)
    ]
    return (
        section("own", [own])
        + section("peers", peers)
        + section("summary", read[-1].summary)
        + section("guidance", read[-1].guidance)
    )
