"""The join of a vote: closes the sub-problem."""

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from sessions.graph import aggregation, drafts, keys
from sessions.graph.asking import fence
from sessions.graph.broken import broken
from sessions.graph.failures import DeliberationFailed
from sessions.graph.ports import Context
from sessions.graph.state import Debate
from sessions.graph.turns import halted, roll_call


async def tally(state: Debate, runtime: Runtime[Context], config: RunnableConfig) -> dict[str, Any]:
    part = state["sub_problem"]
    turn_keys = {slug: keys.vote(part, slug) for slug in state["board"]}
    turns = state.get("turns", {})
    try:
        again = roll_call(turns, turn_keys, fence=fence(config), node="tally")
    except DeliberationFailed as error:
        return broken(state, error, fence=fence(config), halts=halted(turns))
    if again:
        return {"recall": again}
    standing = aggregation.standing(
        await runtime.context.reader.contributions(part, 1), await runtime.context.reader.recommendations(part)
    )
    written = [drafts.event("part_settled", keys.settled(part), sub_problem=part, rounds=state["round"], **standing)]
    if state.get("alone"):
        written += [
            drafts.session(phase="synthesis"),
            drafts.event("phase_started", keys.phase("synthesis"), phase="synthesis", sub_problem=None),
        ]
    return {
        "recall": [],
        "turns": dict.fromkeys(turn_keys.values()),
        "results": {str(part): {"rounds": state["round"]}},
        "outbox": written,
    }
