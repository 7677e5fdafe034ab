"""A session as a file to keep: Markdown for people, JSON for programs. Both hold everything the room shows."""

import re
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.text import slugify

from sessions.models import Document, Resolution, Session
from sessions.room import Room, build
from sessions.room.parts import Card, Part, Round

FORMAT = "board-of-one/session/1"
_MARKS = re.compile(r"([\\`*_\[\]<>|])")
_LEADING = re.compile(r"^(\s*)([#+\-=~]|\d+[.)](?=\s|$))")


def filename(session: Session) -> str:
    """A name without extension that every file system takes, such as ``2025-11-23-move-the-support-team``."""
    return f"{session.created_at:%Y-%m-%d}-{slugify(session.title)[:60].strip('-') or 'decision'}"


def markdown(session: Session) -> str:
    """CommonMark. Texts of users and models are escaped, so that none of them becomes a heading, a link or HTML."""
    room = build(session)
    lines = [f"# {text(session.title)}", "", _facts(room), ""]
    if room.offline:
        lines += ["> **Offline demo.** These texts were written by the offline provider, not by a language model.", ""]
    lines += ["## The decision", "", quote(session.problem_statement), ""]
    lines += _listed("Options", session.options) + _listed("What cannot be changed", session.constraints)
    if session.context:
        lines += ["### Background", "", quote(session.context), ""]
    if room.documents:
        lines += ["### Documents", "", *(f"- {text(one.name)}: {_described(one)}" for one in room.documents), ""]
    if room.trouble:
        lines += ["## What happened", "", f"{room.trouble.title}. {text(room.trouble.message)}", ""]
    lines += _memo(room) + _resolution(session)
    for part in room.parts:
        lines += _part(part, alone=len(room.parts) == 1)
    return "\n".join(lines).rstrip() + "\n"


def as_json(session: Session) -> dict[str, Any]:
    """Plain JSON types. Shares are 0 to 1, times ISO 8601 with offset, money in US dollars as text or null."""
    room = build(session)
    spent = room.cost.summary
    return {
        "format": FORMAT,
        "id": str(session.pk),
        "title": session.title,
        "status": session.status,
        "phase": session.phase,
        "offline_demo": room.offline,
        "sequence": room.sequence,
        "created_at": _time(session.created_at),
        "started_at": _time(session.started_at),
        "finished_at": _time(session.finished_at),
        "decision": {
            "problem": session.problem_statement,
            "context": session.context,
            "options": session.options,
            "constraints": session.constraints,
            "experts_picked": session.experts_picked,
            "experts_vetoed": session.experts_vetoed,
            "documents": [_columns(one, "position name kind size pages characters sha256") for one in room.documents],
            "question": room.story.frame.get("question", ""),
            "criteria": room.story.frame.get("criteria", []),
        },
        "cost": {
            "currency": "USD",
            "known": str(spent.known),
            "calls": spent.calls,
            "calls_of_unknown_cost": spent.unknown_calls,
            "cap": None if session.cost_cap is None else str(session.cost_cap),
        },
        "failure": {key: session.failure.get(key) for key in ("code", "message", "recoverable")}
        if session.failure and room.trouble
        else None,
        "parts": [_part_data(part) for part in room.parts],
        "memo": _memo_data(room),
        "resolution": _resolution_data(session),
        "actions": [
            _columns(action.row, "position title what owner due_in_days priority success kill")
            | {"due": f"{action.due:%Y-%m-%d}"}
            for action in room.actions
        ],
    }


def text(value: Any) -> str:
    """One line of Markdown that reads as ``value`` and does nothing else."""
    flat = _MARKS.sub(r"\\\1", " ".join(str(value).split()))
    return _LEADING.sub(lambda found: f"{found[1]}{found[2][:-1]}\\{found[2][-1]}", flat)


def _sentence(value: str) -> str:
    """One line with an end mark, to stand beside others in a cell."""
    line = text(value)
    return line if line.endswith((".", "!", "?", "…")) else f"{line}."


def quote(value: str) -> str:
    return "\n".join(f"> {text(line)}".rstrip() for line in value.splitlines())


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else timezone.localtime(moment).isoformat()


def _described(document: Document) -> str:
    pages = f", {document.pages} pages" if document.pages else ""
    return f"{document.get_kind_display()}{pages}, {document.size:,} bytes, SHA-256 {document.sha256}"


def _listed(title: str, items: list[str], level: int = 3) -> list[str]:
    return [f"{'#' * level} {title}", "", *(f"- {text(item)}" for item in items), ""] if items else []


def _facts(room: Room) -> str:
    session = room.session
    begun = f"{timezone.localtime(room.begun):%Y-%m-%d %H:%M %Z}"
    return f"{session.get_status_display()} · started {begun} · cost {room.cost.words}"


def _memo(room: Room) -> list[str]:
    memo = room.memo
    if memo is None:
        return []
    lines = ["## Recommendation", "", f"**{text(memo.recommendation)}**", ""]
    lines += [f"Confidence {memo.confidence:.0%}: {text(memo.confidence_basis)}", ""]
    lines += [line for block in memo.rationale.splitlines() if block.strip() for line in (text(block), "")]
    if memo.dissent.get("position"):
        held = memo.dissent.get("persona")
        head = f"**{text(held)}:**" if held else "Nobody dissented. The best case against:"
        lines += ["### The strongest dissent", "", f"{head} {text(memo.dissent['position'])}", ""]
        if memo.dissent.get("quote"):
            lines += [quote(memo.dissent["quote"]), ""]
    lines += _listed("How the parts fit together", memo.consistency)
    lines += _listed("It holds if", memo.conditions) + _listed("Reopen the decision when", memo.tripwires)
    if memo.option_reviews:
        lines += ["### The options side by side", "", "| Option | For | Against |", "|---|---|---|"]
        for review in memo.option_reviews:
            cells = [" ".join(map(_sentence, review.get(side, []))) for side in ("strengths", "weaknesses")]
            lines.append(f"| {text(review.get('option', ''))} | {cells[0]} | {cells[1]} |")
        lines.append("")
    if room.actions:
        lines += ["### Actions", ""]
        for action in room.actions:
            row = action.row
            owner = f", {text(row.owner)}" if row.owner else ""
            lines.append(
                f"{row.position + 1}. **{text(row.title)}** (by {action.due:%Y-%m-%d}{owner}): {text(row.what)}"
            )
            lines.append(f"   Done when: {text(row.success)}" + (f" Stop when: {text(row.kill)}" if row.kill else ""))
        lines.append("")
    return lines


def _resolution(session: Session) -> list[str]:
    found = Resolution.objects.filter(session=session).first()
    if found is None:
        return []
    how = found.get_followed_display().lower()
    lines = ["## What became of it", "", f"Decided on {found.decided_on}, {how}: {text(found.decision)}", ""]
    if found.is_judged:
        verdict = found.get_hindsight_display().lower()
        lines += [f"In hindsight ({found.judged_on}) the recommendation was: {verdict}. {text(found.outcome)}", ""]
    return lines


def _resolution_data(session: Session) -> dict[str, Any] | None:
    found = Resolution.objects.filter(session=session).first()
    if found is None:
        return None
    days = {name: value and value.isoformat() for name, value in _columns(found, "decided_on judged_on").items()}
    return _columns(found, "decision followed hindsight outcome") | days


def _part(part: Part, *, alone: bool) -> list[str]:
    lines = ["## The debate" if alone else f"## Part {part.position + 1}: {text(part.title)}", ""]
    if part.question:
        lines += [text(part.question), ""]
    if part.places:
        lines += ["### The board", ""]
        lines += [f"- **{text(at.seat.name)}** ({text(at.seat.method)}): {text(at.seat.reason)}" for at in part.places]
        lines.append("")
    for current in part.rounds:
        lines += _round(current)
    if part.ballots:
        lines += ["### Final recommendations", "", *_standing(part)]
        for ballot in part.ballots:
            row = ballot.row
            lines += [
                f"**{text(row.name)}** ({row.confidence:.0%}, {text(row.option)}): {text(row.recommendation)}",
                "",
            ]
            lines += [f"- {text(reason)}" for reason in row.reasons]
            lines += [f"- Would change my mind: {text(row.would_change_my_mind)}", ""]
    return lines


def _standing(part: Part) -> list[str]:
    counted = part.standing
    if not counted:
        return []
    lines = ["| Option | Heads | By confidence |", "|---|---|---|"]
    lines += [f"| {text(one['option'])} | {one['votes']} | {one['weighted']:.0%} |" for one in counted["options"]]
    lines.append("")
    lines += [
        f"- {text(flip['name'])} changed from {text(flip['before'])} ({flip['confidence_before']:.0%}) to"
        f" {text(flip['after'])} ({flip['confidence_after']:.0%})"
        for flip in counted["flips"]
    ]
    return [*lines, ""] if counted["flips"] else lines


def _round(current: Round) -> list[str]:
    lines = [f"### Round {current.number}", ""]
    if word := current.intervention:
        lines += [f"_{text(word['name'])} was called._ {text(word['reason'])}", ""]
        lines += [f"> {text(line)}" for line in (word["claim"], *word["points"], word["question"])] + [""]
    for card in current.cards:
        row = card.row
        lines += [f"**{text(row.name)}** ({row.confidence:.0%}, for {text(row.option)}): **{text(row.claim)}**", ""]
        lines += [f"- {text(reason)}" for reason in row.reasons]
        lines += [f"- If: {text(condition)}" for condition in row.conditions]
        lines += ["", text(row.response), ""] if row.response else [""]
    lines += [f"_{text(aside.who)}: {text(aside.text)}_\n" for aside in current.asides if aside.text]
    if current.assessment:
        read = current.assessment
        lines += [
            f"Facilitator: {text(read.summary)} (agreement {read.convergence:.0%}, conflict {read.conflict:.0%})",
            "",
        ]
    return lines


def _columns(row: Any, names: str) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names.split()}


def _part_data(part: Part) -> dict[str, Any]:
    return {
        "position": part.position,
        "title": part.title,
        "question": part.question,
        "board": [_columns(place.seat, "persona name method reason") for place in part.places],
        "rounds": [
            {
                "round": current.number,
                "contributions": [_card_data(card) for card in current.cards],
                "intervention": current.intervention,
                "assessment": _columns(
                    current.assessment, "summary convergence novelty conflict open_questions decision reason guidance"
                )
                if current.assessment
                else None,
            }
            for current in part.rounds
        ],
        "standing": part.standing,
        "recommendations": [
            _columns(
                ballot.row,
                "persona name option recommendation confidence reasons conditions would_change_my_mind offline",
            )
            for ballot in part.ballots
        ],
    }


def _card_data(card: Card) -> dict[str, Any]:
    return _columns(card.row, "key persona name option claim reasons conditions response confidence offline") | {
        "created_at": _time(card.row.created_at)
    }


def _memo_data(room: Room) -> dict[str, Any] | None:
    names = "recommendation confidence confidence_basis rationale dissent conditions tripwires option_reviews"
    names += " consistency sources offline"
    return _columns(room.memo, names) if room.memo else None
