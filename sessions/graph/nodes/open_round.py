"""Opens a round: the event the page turns on, and the step to continue from when the round breaks."""

from typing import Any

from langgraph.runtime import Runtime

from sessions.graph import drafts, keys
from sessions.graph.ports import Context
from sessions.graph.state import State


async def open_round(state: State, runtime: Runtime[Context]) -> dict[str, Any]:
    part, number = state["sub_problem"], state["round"]
    before = await runtime.context.reader.assessments(part) if number > 1 else []
    guidance = before[-1]["guidance"] if before else ""
    announced = [drafts.session(phase="debating", round=number)]
    if number == 1:
        announced.append(
            drafts.event("phase_started", keys.phase("debating", part), phase="debating", sub_problem=part)
        )
    announced.append(
        drafts.event(
            "round_started",
            keys.round_(part, number),
            sub_problem=part,
            round=number,
            of=state["max_rounds"],
            guidance=guidance,
        )
    )
    return {"recall": [], "outbox": announced}
