"""Asks the owner, between two rounds, what only the owner can know and the debate turns on. Once in a sub-problem."""

from typing import Any

from langgraph.runtime import Runtime
from langgraph.types import interrupt

from sessions.graph.nodes.clarify import paired
from sessions.graph.ports import Context
from sessions.graph.rounds import opened
from sessions.graph.state import Debate


async def consult(state: Debate, runtime: Runtime[Context]) -> dict[str, Any]:
    """Nothing may happen before the interrupt: this node runs again from its start when the answers are there."""
    questions = state["questions"]
    answers = interrupt({"questions": questions})
    read = await runtime.context.reader.assessments(state["sub_problem"])
    guidance = read[-1]["guidance"] if read else ""
    return {
        "clarification": [*state.get("clarification", []), *paired(questions, answers)],
        "questions": [],
        "consulted": True,
        "outbox": opened(state, state["round"], guidance),
    }
