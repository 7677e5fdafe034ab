"""The drafts that open a round: the event the page turns on, and the phase of the session."""

from sessions.graph import drafts, keys
from sessions.graph.drafts import Draft
from sessions.graph.state import Debate


def opened(state: Debate, number: int, guidance: str = "") -> list[Draft]:
    part = state["sub_problem"]
    return [
        drafts.session(phase="debating", round=number),
        drafts.event(
            "round_started",
            keys.round_(part, number),
            sub_problem=part,
            round=number,
            of=state["max_rounds"],
            guidance=guidance,
        ),
    ]
