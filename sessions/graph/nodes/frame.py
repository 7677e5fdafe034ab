"""Restates the decision so that a board can work on it, or finds what is missing for that."""

from typing import Any

from langgraph.runtime import Runtime

from sessions.graph import drafts, keys, material, routing
from sessions.graph.asking import demand
from sessions.graph.options import united
from sessions.graph.ports import Context
from sessions.graph.schemas import Frame
from sessions.graph.state import FrameState, State
from sessions.prompts import prompt

_ASK = "You may ask the owner up to three questions in missing_facts. They will be asked once, before the board starts."
_ASKED = (
    "The owner has been asked and has answered. Leave missing_facts empty; treat what is still open as uncertainty."
)


async def frame(state: State, runtime: Runtime[Context]) -> dict[str, Any]:
    """Runs a second time when the owner has answered questions; nothing is announced before that."""
    brief = await runtime.context.reader.brief()
    asked = state.get("asked", False)
    answer = await demand(
        runtime,
        Frame,
        node="frame",
        system=prompt("frame").render(clarification=_ASKED if asked else _ASK),
        prompt=material.brought(brief, state.get("clarification", [])),
        max_tokens=1500,
    )
    found = answer.value
    questions = [] if asked else found.missing_facts
    framed: FrameState = {
        "title": found.title,
        "question": found.question,
        "complexity": found.complexity,
        "options": united(brief.options, found.options),
        "criteria": found.criteria,
    }
    rounds = routing.rounds_for(found.complexity, brief.max_rounds)
    update: dict[str, Any] = {"frame": framed, "questions": questions, "max_rounds": rounds}
    if questions:
        return update
    return update | {
        "outbox": [
            drafts.session(title=found.title, max_rounds=rounds, phase="decomposing"),
            drafts.event("frame_ready", "frame", **framed, max_rounds=rounds),
            drafts.event("phase_started", keys.phase("decomposing"), phase="decomposing", sub_problem=None),
        ]
    }
