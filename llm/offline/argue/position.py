"""A position: one contribution to a round, argued from the persona's way of reasoning and the owner's facts."""

import tomllib
from pathlib import Path

from llm.offline.argue.stance import (
    Stance,
    confidence_of,
    persona_seed,
    same_option,
    stance_of,
    voices_heard,
)
from llm.offline.asking import Json
from llm.offline.kinds import KINDS
from llm.offline.lenses import Lens
from llm.offline.prompt import Brief, Voice
from llm.offline.reader import is_hostile
from llm.offline.seeds import Dice
from llm.offline.speech import Speech, claim_part, lower_common, sentence, unique
from llm.offline.topics import topic_of

_HERE = Path(__file__).parent.parent
FACTS: list[str] = tomllib.loads((_HERE / "facts.toml").read_text("utf-8"))["reason"]
RESPONSES: dict[str, list[str]] = tomllib.loads((_HERE / "responses.toml").read_text("utf-8"))
AGAINST: dict[str, list[str]] = tomllib.loads((_HERE / "against.toml").read_text("utf-8"))
LIMITS = [
  "It keeps to what cannot be changed, {constraint}, without exceptions",
  "{Constraint} still holds once the real costs are known",
  "Nothing in the plan bends what you laid down: {constraint}",
  "Whoever carries it out has read, and accepted, what cannot be changed: {constraint}",
  "The first draft of the plan is checked against {constraint} before anything else",
]  # fmt: skip


def position(brief: Brief) -> Json:
    stance = stance_of(brief)
    lens, turn = stance.lens, brief.round - 1
    dice = Dice("position", persona_seed(brief))
    offset = dice.whole(0, 11)
    # The hand of facts is the persona's own; in later rounds it starts further on.
    speech = Speech(brief, Dice("facts", persona_seed(brief), str(turn)), stance.now, stance.rival)
    claims, grounds = (lens.claim, lens.reason) if stance.fits else (AGAINST["claim"], AGAINST["reason"])
    claim = speech.first(claims, offset + turn if stance.fits else 3 * lens.number + turn)
    aspect = aspect_of(brief)
    if aspect and turn == 0 and lens.number % 2:
        claim = f"{ASPECTS[lens.number // 2 % len(ASPECTS)].format(aspect=aspect)}, {lower_common(claim)}"
    reasons = speech.some(grounds, 2 if turn == 0 else 1, (offset if stance.fits else 3 * lens.number) + 2 * turn)
    if turn < 2:
        reasons += speech.some(for_kind(stance) if turn == 0 else against_kind(stance), 1, lens.number)
    if turn == 0 or not voices_heard(brief):
        reasons += facts(speech, lens, 1)
        response = ""
    else:
        reasons += _later_reasons(brief, speech, lens, turn, offset)
        response = _response(brief, stance, speech, lens.number + 2 * turn)
        if brief.intervention:
            response = " ".join(filter(None, [response, _answer(brief, speech, lens.number + turn)]))[:1200]
    conditions = speech.some(lens.condition, 1 + (offset + turn) % 2, offset + turn)
    if (lens.number + turn) % 3 == 0:
        conditions += speech.some(LIMITS, 1, lens.number + turn)
    return {
        "option": stance.now.text,
        "claim": sentence(claim),
        "reasons": [sentence(item) for item in unique(reasons)][:5],
        "conditions": [sentence(item) for item in unique(conditions)][:4],
        "response": response,
        "confidence": confidence_of(stance, brief, persona_seed(brief)),
    }


def for_kind(stance: Stance) -> list[str]:
    """What speaks for the option as the kinds of step it is, and as any step."""
    return [text for kind in unique([*stance.now.kinds, "act"]) for text in KINDS[kind].virtues]


def against_kind(stance: Stance) -> list[str]:
    """What speaks against the rival as the kinds of step it is, and as any step."""
    kinds = unique([*stance.rival.kinds, "act"])
    return [against_rival(text) for kind in kinds for text in KINDS[kind].vices]


def facts(speech: Speech, lens: Lens, count: int, later: int = 0) -> list[str]:
    """Sentences about the owner's own facts. Every way of reasoning begins at another of those that can be filled."""
    able = [template for template in FACTS if speech.can(template)]
    return speech.some(able, count, lens.number + 5 * later) if able else []


def against_rival(template: str) -> str:
    return template.replace("{ing}", "{rival_ing}").replace("{quoted}", "{rival}")


ASPECTS = ("On the question of {aspect}", "As to the question of {aspect}")


def aspect_of(brief: Brief) -> str:
    """The heading of the sub-problem, as a phrase, where it is one of the topic's own parts; else empty."""
    for title, question in topic_of(brief).parts:
        if brief.question.startswith(question):
            return title[0].lower() + title[1:]
    return ""


def _later_reasons(brief: Brief, speech: Speech, lens: Lens, turn: int, offset: int) -> list[str]:
    """What is new since the first round: the owner's remarks, and what the facilitator asked."""
    said: list[str] = []
    remarks = [item for item in brief.interjections if not is_hostile(item)]
    if remarks:
        speech.know(interjection=claim_part(remarks[-1], 160))
        said += speech.some(RESPONSES["owner"], 1, lens.number + turn)
    if brief.guidance:
        speech.know(point=_point(brief))
        if (lens.number + turn + offset) % 2 == 0 or not said:
            said += speech.some(RESPONSES["guided"], 1, lens.number + turn)
    return said or facts(speech, lens, 1, turn)


def _answer(brief: Brief, speech: Speech, start: int) -> str:
    """The reply to a moderator's question."""
    speech.know(asked=claim_part(brief.intervention[-1], 150))
    return sentence(speech.first(RESPONSES["moderated"], start))


def _point(brief: Brief) -> str:
    """What the facilitator's guidance is about, where it names something of the topic; else empty."""
    topic, text = topic_of(brief), brief.guidance.lower()
    for phrase in (*topic.measures, *topic.costs):
        if phrase.lower() in text:
            return phrase
    return next((f"the risk of {risk}" for risk in topic.risks if risk.lower() in text), "")


def _response(brief: Brief, stance: Stance, speech: Speech, start: int) -> str:
    voices = voices_heard(brief)
    with_us = [voice for voice in voices if same_option(voice.option, stance.now)]
    against = [voice for voice in voices if not same_option(voice.option, stance.now)]
    parts: list[str] = []
    if stance.changed and with_us:
        parts.append(_reply(speech, "changed", _loudest(with_us, 0), start))
    elif against:
        parts.append(_reply(speech, "opposed", _loudest(against, start), start))
        if with_us and start % 2:
            parts.append(_reply(speech, "agreed", _loudest(with_us, start), start))
    elif with_us:
        parts.append(_reply(speech, "agreed", _loudest(with_us, start), start))
    else:
        parts.append(speech.first(RESPONSES["alone"]))
    return " ".join(sentence(part) for part in parts)[:1200]


def _reply(speech: Speech, tone: str, voice: Voice, start: int) -> str:
    said = [text for text in (voice.claim, *voice.reasons) if not text.lower().startswith("only if")]
    short = next((text for text in said if len(text) <= 150), voice.claim)
    speech.know(peer=voice.name, peer_claim=claim_part(short, 150), peer_option=f"“{claim_part(voice.option, 80)}”")
    return speech.first(RESPONSES[tone], start)


def _loudest(voices: list[Voice], start: int) -> Voice:
    """The most confident first; a later start takes the next, so that not everybody answers the same speaker."""
    ranked = sorted(voices, key=lambda voice: (-voice.confidence, voice.name))
    return ranked[start % len(ranked)]
