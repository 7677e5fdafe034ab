"""Opens the first round of a sub-problem; the later ones are opened by the join of the round before."""

from typing import Any

from sessions.graph import drafts, keys
from sessions.graph.rounds import opened
from sessions.graph.state import Debate


async def open_round(state: Debate) -> dict[str, Any]:
    part = state["sub_problem"]
    begun = drafts.event("phase_started", keys.phase("debating", part), phase="debating", sub_problem=part)
    return {"recall": [], "outbox": [begun, *opened(state, state["round"])]}
