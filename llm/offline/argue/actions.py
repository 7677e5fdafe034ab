"""An action plan: what to do next, drawn from the memo, the limits and the dates."""

import json
import re

from llm.offline.argue.deadlines import days_left
from llm.offline.asking import Json
from llm.offline.choices import Choice, choices_for
from llm.offline.prompt import Brief
from llm.offline.seeds import Dice
from llm.offline.shaping import shorten
from llm.offline.speech import Speech, claim_part, sentence
from llm.offline.topics import topic_of
from llm.offline.words import capital

_HEADING = re.compile(r"^\s*(?:#+\s*)?(\w[\w ]{2,30}?)\s*:\s*(.*)$")
_BULLET = re.compile(r"^\s*[-*•]\s+(.+)$")


def action_plan(brief: Brief) -> Json:
    parts = read_memo(brief.memo)
    winner = recommended(brief, parts)
    rest = [one for one in choices_for(brief) if one.text != winner.text] or [winner]
    dice = Dice("actions", brief.decision, brief.memo)
    speech = Speech(brief, dice, winner, rest[0])
    owners = topic_of(brief).owners
    doubt = parts.get("dissent", [])
    actions = [
        _mandate(speech, owners[0]),
        *_settled(parts.get("conditions", []), owners, 1 if doubt else 2),
        _told(speech, owners[0]),
        _baseline(speech, owners[-1]),
        *([_answered(doubt[0], owners[-1])] if doubt else []),
        _step(speech, winner, owners[1 % len(owners)], parts.get("tripwires", []), dice),
    ]
    review = _review(speech, owners[0])
    return {"actions": [*_before(days_left(brief), actions), review][:8]}


#: Days after which a plan without a date of the owner's has its last step but the review.
USUAL = 45


def _before(left: int | None, actions: list[Json]) -> list[Json]:
    """The actions in order, all of them due before the owner's own date where there is one that is near."""
    if left is not None and left < USUAL:
        actions = [{**action, "due_in_days": max(1, int(action["due_in_days"]) * left // USUAL)} for action in actions]
    return sorted(actions, key=lambda action: int(action["due_in_days"]))


def _mandate(speech: Speech, owner: str) -> Json:
    limits = (
        "Put one person in charge, with the right to stop it; the bounds are given: {constraint}",
        "Put one person in charge, with the right to stop it and a limit on what may be spent",
    )
    return {
        "title": "Name who answers for it",
        "what": sentence(speech.first(limits)),
        "owner": owner,
        "due_in_days": 3,
        "priority": "high",
        "success": "A name and a review date are written next to the decision.",
        "kill": "",
    }


def _settled(conditions: list[str], owners: tuple[str, ...], most: int) -> list[Json]:
    """The memo's first conditions, each as something to be made true."""
    signs = (
        "The condition is met, and a second person has checked it.",
        "There is a record of it that a sceptic would accept.",
    )
    # What cannot be changed is kept all the way and needs no step of its own.
    own = [condition for condition in conditions if not condition.startswith("It stays within what cannot be changed")]
    return [
        {
            "title": _title(("Settle first: ", "Make sure of this: ")[number], condition),
            "what": shorten(f"Make this true before committing: {sentence(claim_part(condition, 300))}", 400),
            "owner": owners[(1 + number) % len(owners)],
            "due_in_days": 10 + 7 * number,
            "priority": "high",
            "success": signs[number],
            "kill": "It cannot be met by then. Go back to the board instead of going on.",
        }
        for number, condition in enumerate(own[:most])
    ]


def _told(speech: Speech, owner: str) -> Json:
    told = "Explain to {party} what was chosen, what was decided against, and why"
    return {
        "title": "Tell those concerned",
        "what": sentence(speech.first((told,))),
        "owner": owner,
        "due_in_days": 7,
        "priority": "medium",
        "success": "They can repeat the reason in their own words.",
        "kill": "",
    }


def _baseline(speech: Speech, owner: str) -> Json:
    return {
        "title": "Measure the starting point",
        "what": sentence(speech.first(("Record {measure} as of today, before anything changes",))),
        "owner": owner,
        "due_in_days": 14,
        "priority": "medium",
        "success": "The figure, its source and its date are on one page.",
        "kill": "",
    }


def _answered(doubt: str, owner: str) -> Json:
    return {
        "title": "Test the strongest objection",
        "what": shorten(f"Look for what would prove the case against right: {sentence(claim_part(doubt, 300))}", 400),
        "owner": owner,
        "due_in_days": 12,
        "priority": "high",
        "success": "Somebody who doubts it says in writing what was found, and whether it changes the choice.",
        "kill": "The objection turns out to be right. Reopen the decision then.",
    }


def _review(speech: Speech, owner: str) -> Json:
    review = "Compare {measure} with the starting point, go through the tripwires one by one, and go on, change or stop"
    return {
        "title": "Hold the review",
        "what": sentence(speech.first((review,))),
        "owner": owner,
        "due_in_days": 90,
        "priority": "medium",
        "success": "A short note says what was found and what follows from it.",
        "kill": "",
    }


def _step(speech: Speech, winner: Choice, owner: str, tripwires: list[str], dice: Dice) -> Json:
    signs = (
        "{Measure} has improved in two readings running",
        "The first step is finished, and {party} say that it works",
    )
    return {
        "title": capital(shorten(winner.do, 118)),
        "what": shorten(sentence(speech.first(WAITS if "wait" in winner.kinds else STEPS, dice.whole(0, 5))), 400),
        "owner": owner,
        "due_in_days": dice.pick((30, 35, 42, 44)),
        "priority": "high",
        "success": sentence(speech.first(signs, dice.whole(0, 1))),
        "kill": shorten(_stop(tripwires, speech), 400),
    }


#: Of a choice that leaves things as they are, the first step is to say for how long.
WAITS = (
    "Set the day on which {ing} is looked at again, and write down what must be known about {measure} by then",
    "Say who uses the time that {ing} gives, for what, and how one would see by {measure} that it is up",
)
STEPS = (
    "Begin with the part of {ing} that can be undone, and stop for a look at {measure} before the next part",
    "Start on {ing} with a written plan of one page: first step, cost, date, and what will be done about {risk}",
    "Put {ing} into three steps with a decision after each; the first must be finished before {deadline}",
    "Begin with {ing}, and stay within what cannot be changed: {constraint}",
)


def _title(prefix: str, text: str) -> str:
    words = claim_part(text, 300).split()
    return shorten(prefix + " ".join(words[:12]) + ("…" if len(words) > 12 else ""), 118)


def _stop(tripwires: list[str], speech: Speech) -> str:
    if tripwires:
        return sentence(claim_part(tripwires[0], 300))
    return sentence(speech.first(("There are signs of {slip}",)))


def recommended(brief: Brief, parts: dict[str, list[str]]) -> Choice:
    """The option that the memo's recommendation names, by the words they share."""
    text = " ".join(parts.get("recommendation", []) or [brief.memo]).lower()

    def shared(one: Choice) -> tuple[float, float]:
        """Named outright, the earlier the better (a rival may be named too); else by words in common."""
        places = [text.find(form.lower()) for form in (one.do, one.text, one.quoted.strip("“”"))]
        found = [place for place in places if place >= 0]
        words = [word for word in re.findall(r"[\w€$£%-]+", f"{one.do} {one.text}".lower()) if len(word) > 2]
        return (-min(found) if found else -1e9, sum(word in text for word in words) / max(1, len(words)))

    return max(choices_for(brief), key=shared)


def read_memo(text: str) -> dict[str, list[str]]:
    """The memo's parts by name, whether it came as JSON or as headed text."""
    try:
        value = json.loads(text)
    except ValueError:
        return _headed(text)
    if not isinstance(value, dict):
        return {}
    parts = {key: item if isinstance(item, list) else [item] for key, item in value.items()}
    return {key.lower(): [item for item in items if isinstance(item, str)] for key, items in parts.items()}


def _headed(text: str) -> dict[str, list[str]]:
    parts: dict[str, list[str]] = {}
    current = "recommendation"
    for line in text.splitlines():
        bullet, heading = _BULLET.match(line), _HEADING.match(line)
        if bullet:
            parts.setdefault(current, []).append(bullet.group(1).strip())
        elif heading and heading.group(1).lower().split()[0] in NAMES:
            current = NAMES[heading.group(1).lower().split()[0]]
            rest = heading.group(2).strip()
            if rest:
                parts.setdefault(current, []).extend(item.strip() for item in rest.split("; "))
        elif line.strip():
            parts.setdefault(current, []).append(line.strip())
    return parts


NAMES = {
    "recommendation": "recommendation", "recommended": "recommendation", "confidence": "confidence",
    "rationale": "rationale", "why": "rationale", "dissent": "dissent", "conditions": "conditions",
    "condition": "conditions", "tripwires": "tripwires", "tripwire": "tripwires", "options": "options",
}  # fmt: skip
