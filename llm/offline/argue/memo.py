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
        "conditions": _conditions(brief, camps, speech, dice),
        "tripwires": [sentence(item) for item in speech.some(dice.shuffled(TRIPWIRES), 4)],
        "consistency": _consistency(brief, camps, winner),
        "options": [_review(one, camps, winner, rival, brief, dice) for one in _reviewed(choices, camps)],
    }


ADVICE = (
    "{Do}, in steps that can be checked, and let {measure} decide how fast",
    "{Do}, hold {rival} in reserve, and reopen the question if a tripwire is touched",
    "{Do}, and settle the conditions below before any money is committed",
    "{Do}, with one person answerable for it and a review date fixed in advance",
    "{Do}, keep to {constraint}, and say beforehand what would make you stop",
    "{Do}, and have something to show for it before {deadline}",
    "{Do}, but not before {party} have heard it from you",
    "{Do}, and put the answer to {risk} in writing first",
    "{Do}, and judge it by {criterion} and by nothing else",
    "{Do}, and look at {measure} before every further step",
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
    ours = {voice.name for voice in mine}
    others = unique(voice.name for _, voices in camps[1:] for voice in voices)
    rest = listed([name for name in others if name not in ours] or others)
    if elsewhere := [name for name in others if name in ours and rest != listed(others)]:
        rest += f" and, in another part, {listed(elsewhere)}"
    count, every = (str(len(mine)), str(total)) if total > 10 else (number_word(len(mine)), number_word(total))
    text = (
        f"{capital(count)} of {every} votes, with a mean confidence of {mean:.0%}; "
        f"lowered to {confidence:.0%} because {rest} saw it differently."
    )
    return shorten(text, 400)


def _rationale(camps: Camps, winner: Choice, speech: Speech, dice: Dice) -> str:
    """Two or three paragraphs: why it carries, what the facts say, how the objection is met."""
    ranked = sorted(camps[0][1], key=lambda voice: -voice.confidence) if camps else []
    mine = list({voice.name: voice for voice in reversed(ranked)}.values())[::-1]
    first: list[str] = [sentence(speech.first(dice.shuffled(OPENINGS)))]
    for number, voice in enumerate(mine[:3]):
        reason = telling(voice, winner)[0]
        first.append(_cited(CREDITS[number].format(name=voice.name, reason=claim_part(reason, 260)), voice))
    second = [sentence(item) for item in speech.some(dice.shuffled(GROUNDS), 3)]
    third: list[str] = []
    if len(camps) > 1:
        against = max((voice for _, voices in camps[1:] for voice in voices), key=lambda voice: voice.confidence)
        chosen = next(option for option, voices in camps if against in voices)
        reason = claim_part(telling(against, chosen)[0], 240)
        held = f"The minority is not brushed aside. {against.name} holds that “{reason}”"
        third.append(_cited(held, against))
        third.append(sentence(speech.first(dice.shuffled(MET))))
    return shorten("\n\n".join(" ".join(part) for part in (first, second, third) if part), 3900)


def telling(voice: Voice, option: Choice) -> list[str]:
    """What somebody gave for an option, the most telling first: what has a figure, a quotation or another option in
    it before what has none, and what names the option before what does not. Never empty."""
    said = [item for item in voice.reasons if len(item.split()) > 4 and not item.startswith(CONDITION)]
    names = [form.lower() for form in (option.short_ing, option.short_quoted)]

    def worth(text: str) -> tuple[bool, bool]:
        own = any(letter.isdigit() for letter in text) or "“" in text
        return own, any(name in text.lower() for name in names)

    return sorted(said, key=worth, reverse=True) or [voice.claim]


CONDITION = "condition: "


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
        return f"{line.rstrip('.')}; over all parts {winner.quoted} has more confidence behind it and is followed."
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
    "It has to hold in a case in which {given}",
    "Of the facts on the table, “{quote}” was the one nobody could argue away",
    "What cannot be changed, {constraint}, is respected throughout",
    "{Money} sets the scale for what may be risked",
    "By the yardstick {criterion}, the gap to {rival} is clear",
    "Until {deadline} there is time for one serious attempt",
    "For {party}, this is the version they can plan around",
    "What is still uncertain is {measure}, and it can be watched from the first week",
    "What speaks against it is on the table as well: “{concede}”",
    "Your own sentence “{against}” was the plainest argument against {rival}",
)
MET = (
    "The conditions answer that as far as it can be answered today: if {risk} becomes real, the matter is reopened",
    "That is why the plan begins with what can be undone, and why {measure} will be watched",
    "That is cheap to respect, and it would be dear to have ignored it; so the first check in the plan is aimed at it",
)


def _dissent(camps: Camps, winner: Choice, rival: Choice, speech: Speech) -> Json:
    """The strongest vote against the winner, in that voter's own words; the best counter-case when nobody dissented."""
    against = [voice for option, voices in camps for voice in voices if option.text != winner.text]
    if not against:
        case = speech.first((
            "If {risk} becomes real, it hits {ing} harder than it would {rival}",
            "{Rival_ing} could be undone at less cost if {measure} disappoints",
            "What was said against {rival} holds for {ing} as well: somebody will have to bear {cost}",
        ))  # fmt: skip
        return {"persona": "", "position": sentence(case), "quote": ""}
    voice = max(against, key=lambda one: (one.confidence, one.name))
    chosen = next(option for option, voices in camps if voice in voices)
    best, *more = telling(voice, chosen)
    text = f"“{claim_part(voice.option, 120)}” is the better choice"
    text += f", {_because(more[0])}" if more else ""
    return {"persona": voice.name, "position": shorten(sentence(text), 400), "quote": shorten(best.strip(), 400)}


def _because(reason: str) -> str:
    """A reason after "because" when its first word is an ordinary one, else quoted whole."""
    text = reason.strip().rstrip(".")
    lowered = lower_first(text)
    plain = lowered[:1].islower() and "?" not in text and ";" not in text and lowered.split()[0] in STARTERS
    return f"because {shorten(lowered, 240)}" if plain else f"and this is why: “{claim_part(text, 220)}”"


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


def _conditions(brief: Brief, camps: Camps, speech: Speech, dice: Dice) -> list[str]:
    """What cannot be changed, then what the winners made conditions of, one each; more only where that is little."""
    kept = speech.some((KEPT,), 1) if brief.constraints else []
    named: dict[str, str] = {}
    for voice in sorted(camps[0][1], key=lambda one: -one.confidence) if camps else ():
        held = [item.removeprefix(CONDITION) for item in voice.reasons if item.startswith(CONDITION)]
        named.setdefault(voice.name, _cited(held[0], voice) if held else "")
    own = [text for text in named.values() if text][:3]
    more = [sentence(item) for item in speech.some(dice.shuffled(CONDITIONS), 3 - len(own))]
    return unique([*(sentence(item) for item in kept), *own, *more])[:6]


KEPT = "It stays within what cannot be changed: {constraint}"


CONDITIONS = (
    "{Party} hear of it from you before they hear of it from others",
    "Somebody has put a figure to {cost}, and you have agreed to it",
    "There is a written answer to {risk}",
    "{Measure} is known before anything changes, so that there is something to compare with",
)
TRIPWIRES = (
    "{Measure} gets worse two times in a row",
    "There are signs of {slip}",
    "{Constraint} no longer holds",
    "It turns out that nobody had reckoned with {cost}",
    "{Deadline} passes without a result that an outsider could check",
    "Two of the conditions cannot be met",
    "{Party} say that it does not work for them, and say why",
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
    heard = [(voice, text) for voice in said for text in telling(voice, one)[:1]]
    heard = [(voice, text) for voice, text in heard if any(name in text.lower() for name in named)]
    fresh = {shape(text, one): _cited(text, voice) for voice, text in heard}
    strengths = list(fresh.values())[:2]
    kind = KINDS[one.kinds[0]]
    virtues = speech.some([item for item in dice.shuffled(kind.virtues) if shape(item, one) not in fresh], 3)
    strengths += virtues
    weaknesses = speech.some(dice.shuffled(kind.vices), 2)
    weaknesses += speech.some(dice.shuffled(WEAK), 1)
    return {
        "option": one.text,
        "strengths": [sentence(item) for item in unique(strengths)][:3],
        "weaknesses": [sentence(item) for item in unique(weaknesses)][:3],
    }


def shape(text: str, option: Choice) -> str:
    """A sentence without the name of the option, by which two that say the same are known."""
    plain = text.casefold().replace("{ing}", "…").replace("{quoted}", "…")
    for form in (option.ing, option.quoted, option.short_ing, option.short_quoted):
        plain = plain.replace(form.casefold(), "…")
    return plain.strip(" .")


WEAK = (
    "It does little about {risk}",
    "Its price is {cost}",
    "{Party} would have to be won over first",
    "It leaves open what happens when {measure} disappoints",
)
