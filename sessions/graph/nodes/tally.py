"""The join of a vote: closes the sub-problem and hands over to the next one, or to the synthesis."""

from typing import Any

from langchain_core.runnables import RunnableConfig

from sessions.graph import drafts, keys, routing
from sessions.graph.asking import fence
from sessions.graph.state import State
from sessions.graph.turns import roll_call


async def tally(state: State, config: RunnableConfig) -> dict[str, Any]:
    part = state["sub_problem"]
    turn_keys = {slug: keys.vote(part, slug) for slug in routing.board(state)}
    again = roll_call(state.get("turns", {}), turn_keys, fence=fence(config), node="tally")
    if again:
        return {"recall": again}
    following = part + 1
    if following < state["parts"]:
        phase, place = "selecting", following
    else:
        phase, place = "synthesis", None
    return {
        "recall": [],
        "turns": dict.fromkeys(turn_keys.values()),
        "sub_problem": following,
        "outbox": [
            drafts.session(phase=phase),
            drafts.event("phase_started", keys.phase(phase, place), phase=phase, sub_problem=place),
        ],
    }
