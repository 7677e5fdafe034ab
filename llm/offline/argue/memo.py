"""A memo: the board's answer, counted from the votes, with the minority in its own words."""

from llm.offline.argue.assessment import camps_of
from llm.offline.asking import Json
from llm.offline.choices import Choice, choices_for
from llm.offline.kinds import KINDS
from llm.offline.prompt import Brief, Voice
from llm.offline.seeds import Dice
from llm.offline.shaping import shorten
from llm.offline.speech import Speech, claim_part, sentence, unique
from llm.offline.words import capital, listed, lower_first, number_word

Camps = list[tuple[Choice, list[Voice]]]


def memo(brief: Brief) -> Json:
    voices = brief.votes or brief.contributions or brief.peers
    choices = choices_for(brief)
    camps = sorted(camps_of(voices, choices), key=lambda camp: -sum(voice.confidence for voice in camp[1]))
    winner = camps[0][0] if camps else choices[0]
    others = [one for one in choices if one.text != winner.text]
    rival = camps[1][0] if len(camps) > 1 else (others[0] if others else winner)
    dice = Dice("memo", brief.decision, *(voice.claim for voice in voices))
    speech = Speech(brief, dice, winner, rival)
    confidence = _confidence(camps)
    return {
        "recommendation": _cited(speech.first(dice.shuffled(ADVICE)), *(camps[0][1][:3] if camps else ())),
        "confidence": confidence,
        "confidence_basis": _basis(camps, confidence),
        "rationale": _rationale(camps, winner, speech, dice),
        "dissent": _dissent(camps, winner, rival, speech),
        "conditions": _conditions(brief, speech, dice),
        "tripwires": [sentence(item) for item in speech.some(dice.shuffled(TRIPWIRES), 4)],
        "consistency": _consistency(brief, camps, winner),
        "options": [_review(one, camps, winner, rival, brief, dice) for one in _reviewed(choices, camps)],
    }


ADVICE = (
    "{Do}, in steps that can be checked, and let {measure} decide how fast",
    "{Do}; hold {rival} in reserve and reopen the question if a tripwire is touched",
    "{Do}, and settle the conditions below before any money is committed",
    "{Do}, with one person answerable for it and a review date fixed in advance",
)


def _confidence(camps: Camps) -> float:
    """Mean confidence of the winners, lowered by the share that did not vote with them."""
    if not camps:
        return 0.4
    mine = [voice.confidence for voice in camps[0][1]]
    share = len(mine) / sum(len(voices) for _, voices in camps)
    return round(min(0.95, max(0.2, sum(mine) / len(mine) * (0.7 + 0.3 * share))), 2)


def _basis(camps: Camps, confidence: float) -> str:
    if not camps:
        return "No votes were recorded, so this rests on the options alone."
    total = sum(len(voices) for _, voices in camps)
    mine = camps[0][1]
    mean = sum(voice.confidence for voice in mine) / len(mine)
    if len(camps) == 1:
        how = f"all {number_word(total)} voted the same way" if total > 1 else "only one vote was cast"
        return f"{capital(how)}, with a mean confidence of {mean:.0%}; the reasons given are independent of each other."
    rest = listed(unique(voice.name for _, voices in camps[1:] for voice in voices))
    text = (
        f"{capital(number_word(len(mine)))} of {number_word(total)} votes, with a mean confidence of {mean:.0%}; "
        f"lowered to {confidence:.0%} because {rest} saw it differently."
    )
    return shorten(text, 400)


def _rationale(camps: Camps, winner: Choice, speech: Speech, dice: Dice) -> str:
    """Two or three paragraphs: why it carries, what the facts say, how the objection is met."""
    mine = sorted(camps[0][1], key=lambda voice: -voice.confidence) if camps else []
    first: list[str] = [sentence(speech.first(dice.shuffled(OPENINGS)))]
    for number, voice in enumerate(mine[:3]):
        reason = next((item for item in voice.reasons if len(item.split()) > 4), voice.claim)
        first.append(_cited(CREDITS[number].format(name=voice.name, reason=claim_part(reason, 260)), voice))
    second = [sentence(item) for item in speech.some(dice.shuffled(GROUNDS), 3)]
    third: list[str] = []
    if len(camps) > 1:
        against = max((voice for _, voices in camps[1:] for voice in voices), key=lambda voice: voice.confidence)
        held = f"The minority is not brushed aside. {against.name} holds that “{claim_part(against.claim, 240)}”"
        third.append(_cited(held, against))
        third.append(sentence(speech.first(dice.shuffled(MET))))
    return shorten("\n\n".join(" ".join(part) for part in (first, second, third) if part), 3900)


def _cited(text: str, *voices: Voice) -> str:
    """The sentence with the references of those it rests on before its full stop."""
    refs = ", ".join(dict.fromkeys(voice.ref for voice in voices if voice.ref))
    said = sentence(text)
    return f"{said[:-1]} [{refs}]{said[-1]}" if refs else said


def _consistency(brief: Brief, camps: Camps, winner: Choice) -> list[str]:
    """How the answers to several parts fit together; empty for one part."""
    return [shorten(_fitting(line, winner), 400) for line in brief.tensions]


def _fitting(line: str, winner: Choice) -> str:
    if "pull apart" in line:
        return f"{line.rstrip('.')}; the recommendation follows {winner.quoted} and keeps the other as a condition."
    return line


OPENINGS = (
    "The board comes down on the side of {ing}, and for more than one reason",
    "What carried the vote is that {ing} answers the question without betting everything on one assumption",
    "Several ways of reasoning that seldom agree arrive at {ing}",
)
CREDITS = (
    "{name} gave the argument that weighed most: “{reason}”",
    "{name} came to it from another side: “{reason}”",
    "To this {name} added “{reason}”",
)
GROUNDS = (
    "It matters that {given}, and the recommendation is built around it",
    "Of the facts on the table, “{quote}” was the one nobody could argue away",
    "The limit {constraint} is respected throughout",
    "The figure of {fig} sets the scale for what may be risked",
    "By the measure that you named, {criterion}, the gap to {rival} is clear",
    "The date {deadline} leaves time for one serious attempt",
    "For {party}, this is the version they can plan around",
    "What is still uncertain is {measure}, and it can be watched from the first week",
)
MET = (
    "The conditions answer that as far as it can be answered today: if {risk} becomes real, the matter is reopened",
    "This is why the plan begins with what can be undone, and why {measure} is a tripwire and not a footnote",
    "The objection costs little to respect, and ignoring it could cost {cost}; so it has become a condition",
)


def _dissent(camps: Camps, winner: Choice, rival: Choice, speech: Speech) -> Json:
    """The strongest vote against the winner, in that voter's own words; the best counter-case when nobody dissented."""
    against = [voice for option, voices in camps for voice in voices if option.text != winner.text]
    if not against:
        case = speech.first((
            "The strongest case against it, though nobody held it: {risk} would hit {ing} harder than {rival}",
            "Nobody dissented. The best counter-argument is that {rival} is cheaper to undo if {measure} disappoints",
        ))  # fmt: skip
        return {"persona": "", "position": sentence(case), "quote": ""}
    voice = max(against, key=lambda one: (one.confidence, one.name))
    reason = next((item for item in voice.reasons if len(item.split()) > 4), "")
    text = f"{voice.name} would choose “{claim_part(voice.option, 120)}”"
    text += f", {_because(reason)}" if reason else ""
    return {"persona": voice.name, "position": shorten(sentence(text), 400), "quote": shorten(voice.claim.strip(), 400)}


def _because(reason: str) -> str:
    """A reason after "because" when its first word is an ordinary one, else quoted whole."""
    text = reason.strip().rstrip(".")
    lowered = lower_first(text)
    plain = lowered[:1].islower() and "?" not in text and ";" not in text and lowered.split()[0] in STARTERS
    return f"because {shorten(lowered, 240)}" if plain else f"and says: “{claim_part(text, 220)}”"


STARTERS = frozenset(
    [
        "the",
        "a",
        "an",
        "nobody",
        "nothing",
        "every",
        "most",
        "your",
        "you",
        "it",
        "what",
        "whatever",
        "whoever",
        "somebody",
        "people",
        "trust",
    ]
)


def _conditions(brief: Brief, speech: Speech, dice: Dice) -> list[str]:
    own = speech.some(dice.shuffled(CONDITIONS), 3)
    kept = speech.some(("The limit you set is kept: {constraint}",), 1) if brief.constraints else []
    return [sentence(item) for item in unique([*kept, *own])][:6]


CONDITIONS = (
    "{Party} hear of it from you before it is announced",
    "One named person answers for the result and may stop the attempt",
    "{Cost} is estimated, and agreed to, before the first commitment",
    "{Measure} is measured once before anything changes, so that there is something to compare with",
    "There is a written answer to {risk}",
    "The first step can be undone within {duration}",
)
TRIPWIRES = (
    "{Measure} gets worse two times in a row",
    "Signs of {slip} within the first quarter",
    "It is no longer true that {given}",
    "{Fig} turns out to be wrong by more than a quarter",
    "{Cost} comes to twice the estimate",
    "{Deadline} passes without a result that an outsider could check",
    "Two of the conditions cannot be met",
)


def _reviewed(choices: list[Choice], camps: Camps) -> list[Choice]:
    voted = [option for option, _ in camps]
    return ([*voted, *(one for one in choices if one.text not in {option.text for option in voted})])[:6]


def _review(one: Choice, camps: Camps, winner: Choice, rival: Choice, brief: Brief, dice: Dice) -> Json:
    """What was said for an option by those who chose it, and what speaks against it as the kind of step it is."""
    speech = Speech(brief, Dice("review", brief.decision, one.text), one, rival if one.text == winner.text else winner)
    said = [voice for option, voices in camps if option.text == one.text for voice in voices]
    # Of what its voters said, only what speaks of the option itself reads as its strength.
    named = [one.short_ing.lower(), one.short_quoted.lower()]
    strengths = [text for voice in said for text in voice.reasons if any(name in text.lower() for name in named)][:2]
    kind = KINDS[one.kinds[0]]
    strengths += speech.some(dice.shuffled(kind.virtues), 2)
    weaknesses = speech.some(dice.shuffled(kind.vices), 2)
    weaknesses += speech.some(dice.shuffled(WEAK), 1)
    return {
        "option": one.text,
        "strengths": [sentence(item) for item in unique(strengths)][:3],
        "weaknesses": [sentence(item) for item in unique(weaknesses)][:3],
    }


WEAK = (
    "It does little about {risk}",
    "{Cost} falls on it in full",
    "{Party} would have to be won over first",
    "It leaves open what happens when {measure} disappoints",
)
