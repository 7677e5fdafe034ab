"""An assessment: the facilitator's reading of a round, computed from what was said in it."""

import re
from collections import defaultdict

from llm.offline.argue.stance import same_option, voices_heard
from llm.offline.asking import Json
from llm.offline.choices import Choice, choice, choices_for
from llm.offline.prompt import Brief, Voice
from llm.offline.seeds import Dice
from llm.offline.shaping import shorten
from llm.offline.speech import Speech, claim_part, sentence
from llm.offline.words import capital, listed, number_word

# Agreement at which the board is ready, once it has heard itself, and newness below which another round is not worth
# its price.
READY = 0.78
STALE = 0.25
NEW_BY_ROUND = (0.92, 0.6, 0.38, 0.22, 0.15)
MOST_WORDS = 150
_ASK = re.compile(r"^\W*ask me (?:in between|during the debate)\W*$", re.IGNORECASE | re.MULTILINE)


def assessment(brief: Brief) -> Json:
    voices = voices_heard(brief)
    camps = camps_of(voices, choices_for(brief))
    dice = Dice("assessment", brief.decision, brief.question, str(brief.round), *(voice.claim for voice in voices))
    agreement, novelty, conflict = _measures(brief, camps, dice)
    last = brief.round >= brief.rounds > 1
    ready = bool(voices) and (last or (brief.round > 1 and (agreement >= READY or novelty < STALE)))
    lead, rival = _leaders(camps)
    speech = Speech(brief, dice, lead, rival)
    asks = [] if ready or not asked_for(brief) else _for_the_owner(brief, speech, dice)
    return {
        "summary": _summary(camps, brief, speech, dice),
        "convergence": agreement,
        "novelty": novelty,
        "conflict": conflict,
        "open_questions": _questions(camps, speech, dice, ready),
        "decision": "vote" if ready else "clarify" if asks else "continue",
        "reason": sentence(_reason(camps, ready, last, agreement, speech, dice)),
        "guidance": "" if ready else sentence(_guidance(camps, speech, dice)),
        "moderator": "none",
        "ask_owner": asks,
    }


def asked_for(brief: Brief) -> bool:
    """Whether the owner wants to be asked during the debate, and has not been yet."""
    return bool(_ASK.search(brief.decision) or _ASK.search(brief.context)) and not brief.answers


def _for_the_owner(brief: Brief, speech: Speech, dice: Dice) -> list[str]:
    return [sentence(item) for item in speech.some(dice.shuffled(OWNER), 1)]


OWNER = (
    "Have you looked at {measure} already, and what did you find?",
    "What would {party} say if you asked them today?",
    "How firm is {constraint}?",
)


def camps_of(voices: tuple[Voice, ...], choices: list[Choice]) -> list[tuple[Choice, list[Voice]]]:
    """The speakers by the option they argue for, the strongest camp first."""
    camps: dict[str, list[Voice]] = defaultdict(list)
    known: dict[str, Choice] = {}
    for voice in voices:
        found = next((one for one in choices if same_option(voice.option, one)), None) or choice(voice.option)
        known[found.text] = found
        camps[found.text].append(voice)
    ranked = sorted(camps, key=lambda text: (-len(camps[text]), -_weight(camps[text]), text))
    return [(known[text], camps[text]) for text in ranked]


def _weight(voices: list[Voice]) -> float:
    return sum(voice.confidence for voice in voices)


def _measures(brief: Brief, camps: list[tuple[Choice, list[Voice]]], dice: Dice) -> tuple[float, float, float]:
    """Convergence, novelty and conflict, each from 0 to 1."""
    if not camps:
        return 0.0, 0.0, 0.0
    heard = sum(len(voices) for _, voices in camps)
    total = sum(_weight(voices) for _, voices in camps) or 1.0
    share = max(_weight(voices) for _, voices in camps) / total
    single = 1.0 / heard
    # A lone leader among as many camps as speakers is no convergence at all.
    agreement = (share - single) / (1.0 - single) if heard > 1 else 1.0
    agreement = min(0.97, max(0.05, 0.12 + 0.8 * agreement + 0.03 * min(brief.round, 5)))
    novelty = NEW_BY_ROUND[min(brief.round, len(NEW_BY_ROUND)) - 1]
    if brief.summary:
        old = set(brief.summary.lower().split())
        words = {word for _, voices in camps for voice in voices for word in voice.claim.lower().split()}
        novelty *= 0.6 + 0.6 * (len(words - old) / max(1, len(words)))
    conflict = min(0.95, max(0.03, (1.0 - agreement) * (0.65 + 0.1 * min(3, len(camps)))))
    return round(agreement, 2), round(min(0.97, max(0.04, novelty + dice.between(-0.03, 0.03))), 2), round(conflict, 2)


def _leaders(camps: list[tuple[Choice, list[Voice]]]) -> tuple[Choice | None, Choice | None]:
    lead = camps[0][0] if camps else None
    return lead, camps[1][0] if len(camps) > 1 else lead


LEAD = (
    "{count} of {all} argue for {option}: {names}.",
    "{option} has the support of {count} out of {all} ({names}).",
    "The larger group, {count} of {all}, stands behind {option}: {names}.",
)
SMALLER = ("{names} would rather see {option}.", "On the other side, {names} for {option}.", "For {option}: {names}.")
WORDS = ("{name} puts it as “{claim}”.", "In the words of {name}: “{claim}”.", "{name}'s core point is “{claim}”.")


def _summary(camps: list[tuple[Choice, list[Voice]]], brief: Brief, speech: Speech, dice: Dice) -> str:
    if not camps:
        return "Nobody has spoken in this round, so there is nothing to weigh yet."
    heard = sum(len(voices) for _, voices in camps)
    parts: list[str] = []
    phrases = dice.shuffled(WORDS)
    for number, (option, voices) in enumerate(camps[:3]):
        names = listed([voice.name for voice in voices])
        if len(camps) == 1:
            parts.append(
                f"All {number_word(heard)} argue for {option.quoted}." if heard > 1 else f"{names} argues alone."
            )
        else:
            text = dice.pick(LEAD if number == 0 else SMALLER)
            count, every = number_word(len(voices)), number_word(heard)
            parts.append(capital(text.format(count=count, all=every, option=option.quoted, names=names)))
        voice = max(voices, key=lambda one: one.confidence)
        claim = claim_part(voice.claim, 240)
        parts.append(capital(phrases[number % len(phrases)].format(name=voice.name, claim=claim)))
    close = (
        "What separates them is how much {risk} should count.",
        "They differ less on the aim than on {cost}.",
        "Both sides would accept {measure} as the judge.",
    )
    agreed = ("The reasons differ and do not contradict each other.", "What remains open is the order of the steps.")
    parts.append(sentence(speech.first(close)) if len(camps) > 1 else dice.pick(agreed))
    while len(" ".join(parts).split()) > MOST_WORDS and len(parts) > 2:
        parts.pop(-2)
    return " ".join(parts)


QUESTIONS = (
    "Who has actually asked {party} what they would do?",
    "What would {measure} have to show for the smaller group to give way?",
    "Who can say how large {cost} will be, within a factor of two?",
    "What becomes of “{concede}” if {ing} is chosen?",
    "Which part of this cannot be undone after {deadline}?",
    "Is {constraint} a fixed limit or a preference?",
    "What follows for {rival} if {fig} turns out to be wrong by a third?",
)


def _questions(camps: list[tuple[Choice, list[Voice]]], speech: Speech, dice: Dice, ready: bool) -> list[str]:
    if not camps:
        return []
    return speech.some(dice.shuffled(QUESTIONS), 1 if ready else 2 + (len(camps) > 2))


def _reason(
    camps: list[tuple[Choice, list[Voice]]], ready: bool, last: bool, agreement: float, speech: Speech, dice: Dice
) -> str:
    if not camps:
        return "No contribution has arrived yet"
    option = camps[0][0].quoted
    if ready and agreement >= READY:
        return dice.pick((f"The reasons for {option} fit together, and what is still open can become a condition",
                          f"Agreement on {option} is broad enough; another round would only polish it"))  # fmt: skip
    if ready and last:
        return f"This was the last round planned; {option} leads, and the disagreement is clear enough to be recorded"
    if ready:
        return "The last round repeated earlier arguments, so more talk would add cost and no knowledge"
    return speech.first(dice.shuffled((
        "The sides have not yet answered each other on {risk}",
        "Neither {quoted} nor {rival} has been tested against {measure}",
        "The strongest objection to {quoted} has been stated and not yet answered",
    )))  # fmt: skip


def _guidance(camps: list[tuple[Choice, list[Voice]]], speech: Speech, dice: Dice) -> str:
    if len(camps) < 2:
        return shorten(speech.first(("Attack the common view of {ing}: what would make it fail?",)), 600)
    return speech.first(dice.shuffled((
        "Those for {quoted}: say what you would do about {risk}. Those for {rival}: name the price you would accept",
        "Leave the principles and settle one thing: what would {measure} look like under {quoted} and under {rival}?",
        "Each side should name the one fact that would make it change, with {party} in mind",
        "Say whether {quoted} and {rival} could follow one another, and which would have to come first",
    )))  # fmt: skip
