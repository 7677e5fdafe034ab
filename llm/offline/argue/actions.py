"""An action plan: what to do next, drawn from the memo, the limits and the dates."""

import json
import re

from llm.offline.asking import Json
from llm.offline.choices import Choice, choices_for
from llm.offline.prompt import Brief
from llm.offline.reader import read_story
from llm.offline.seeds import Dice
from llm.offline.shaping import shorten
from llm.offline.speech import Speech, claim_part, sentence
from llm.offline.topics import topic_of

_HEADING = re.compile(r"^\s*(?:#+\s*)?(\w[\w ]{2,30}?)\s*:\s*(.*)$")
_BULLET = re.compile(r"^\s*[-*•]\s+(.+)$")


def action_plan(brief: Brief) -> Json:
    parts = read_memo(brief.memo)
    winner = recommended(brief, parts)
    rest = [one for one in choices_for(brief) if one.text != winner.text] or [winner]
    dice = Dice("actions", brief.decision, brief.memo)
    speech = Speech(brief, dice, winner, rest[0])
    owners = topic_of(brief).owners
    conditions, tripwires = parts.get("conditions", []), parts.get("tripwires", [])
    actions: list[Json] = [
        _action(speech, "Name who answers for it", "Give one person the task, the right to stop it, and {money} or whatever sum you decide as the limit" if read_story(brief.story).money else "Give one person the task, the right to stop it, and a limit on what may be spent",
                owners[0], 3, "high", "A name and a review date are written next to the decision", ""),
    ]  # fmt: skip
    for number, condition in enumerate(conditions[:2]):
        actions.append({
            "title": _title(("Settle: ", "Make sure: ")[number], condition),
            "what": shorten(sentence(f"Before anything is committed, make this condition true: {claim_part(condition, 280)}"), 400),
            "owner": owners[(1 + number) % len(owners)],
            "due_in_days": 10 + 7 * number,
            "priority": "high",
            "success": ("The condition is met and a second person has checked it.",
                        "There is a written record that a sceptic would accept.")[number],
            "kill": "If it cannot be met by then, go back to the board and do not go on.",
        })  # fmt: skip
    actions.append(
        _action(
            speech,
            "Measure the starting point",
            "Record {measure} as it is today, before anything changes",
            owners[3 % len(owners)],
            14,
            "medium",
            "The figure, its source and its date are on one page",
            "",
        )
    )
    actions.append({
        "title": shorten(sentence(winner.do).rstrip("."), 118),
        "what": shorten(sentence(speech.first(STEPS, dice.whole(0, 5))), 400),
        "owner": owners[1 % len(owners)],
        "due_in_days": dice.pick((30, 35, 42, 45)),
        "priority": "high",
        "success": sentence(speech.first(("{Measure} is moving the right way in two readings", "The first step is done and {party} say that it works"))),
        "kill": shorten(_stop(tripwires, speech), 400),
    })  # fmt: skip
    actions.append(
        _action(
            speech,
            "Tell those concerned",
            "Explain the choice, what was decided against and why, to {party}",
            owners[0],
            7,
            "medium",
            "They can repeat the reason in their own words",
            "",
        )
    )
    actions.append(
        _action(
            speech,
            "Hold the review",
            "Compare {measure} with the starting point, go through the tripwires one by one, and decide to go on, change or stop",
            owners[0],
            90,
            "medium",
            "A short note says what was found and what follows",
            "",
        )
    )
    return {"actions": sorted(actions, key=lambda action: int(action["due_in_days"]))[:8]}


STEPS = (
    "Begin with the part of {ing} that can be undone, and stop for a look at {measure} before the next part",
    "Start on {ing} with a written plan of one page: first step, cost, date, and what happens if {risk} shows",
    "Put {ing} into three steps with a decision after each; the first must be finished before {deadline}",
    "Begin {ing} inside the limit {constraint}",
)


def _action(
    speech: Speech, title: str, what: str, owner: str, days: int, priority: str, success: str, kill: str
) -> Json:
    said = sentence(speech.first((what,)))
    return {"title": title, "what": said, "owner": owner, "due_in_days": days, "priority": priority,
            "success": sentence(success), "kill": kill}  # fmt: skip


def _title(prefix: str, text: str) -> str:
    words = claim_part(text, 300).split()
    return shorten(prefix + " ".join(words[:12]) + ("…" if len(words) > 12 else ""), 118)


def _stop(tripwires: list[str], speech: Speech) -> str:
    if tripwires:
        return sentence(f"Stop if this is seen: {claim_part(tripwires[0], 300)}")
    return sentence(speech.first(("Stop when there are signs of {risk}",)))


def recommended(brief: Brief, parts: dict[str, list[str]]) -> Choice:
    """The option that the memo's recommendation names, by the words they share."""
    text = " ".join(parts.get("recommendation", []) or [brief.memo]).lower()
    choices = choices_for(brief)

    def shared(one: Choice) -> float:
        words = [word for word in re.findall(r"[\w€$£%-]+", f"{one.do} {one.text}".lower()) if len(word) > 2]
        exact = 5.0 if one.do.lower() in text or one.text.lower() in text else 0.0
        return exact + sum(word in text for word in words) / max(1, len(words))

    return max(choices, key=shared)


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
