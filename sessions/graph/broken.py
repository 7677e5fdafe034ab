"""How a sub-problem ends that cannot go on: with its failure and its place as data, never with an exception.

The place is all that its graph needs to begin where this attempt broke: the deliberation's join hands it back as the
input of the next attempt, so what was said and paid is neither asked for nor written again.
"""

from typing import Any

from sessions.graph import drafts, keys
from sessions.graph.failures import DeliberationFailed
from sessions.graph.state import Debate, Failure, Result

_PLACE = (
    "round",
    "turns",
    "readings",
    "decision",
    "moderators",
    "call",
    "questions",
    "consulted",
    "clarification",
)


def place(state: Debate, entry: str) -> dict[str, Any]:
    """Where a debate stands: what its graph begins with to go on at the node ``entry``."""
    found: dict[str, Any] = {name: state[name] for name in _PLACE if name in state}  # type: ignore[literal-required]
    return found | {"entry": entry}


def broken(state: Debate, error: DeliberationFailed, *, fence: int, halts: bool = False) -> dict[str, Any]:
    """The update with which a join ends its sub-problem."""
    failure: Failure = {
        "code": error.code,
        "message": error.message,
        "recoverable": error.recoverable,
        "node": error.node,
        "fence": fence,
        "halts": halts,
    }
    found: Result = {"failure": failure, "place": place(state, error.node)}
    part = state["sub_problem"]
    told = drafts.event(
        "part_broken",
        keys.broken(part, fence),
        sub_problem=part,
        code=error.code,
        message=error.message,
        recoverable=error.recoverable,
        node=error.node,
    )
    return {"recall": [], "results": {str(part): found}, "outbox": [] if state.get("alone") else [told]}
