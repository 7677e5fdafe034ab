"""Says that the work has begun, before the first model is asked."""

from typing import Any

from sessions.graph import drafts, keys
from sessions.graph.state import State


async def begin(state: State) -> dict[str, Any]:
    return {
        "outbox": [
            drafts.session(phase="framing", round=0),
            drafts.event("phase_started", keys.phase("framing"), phase="framing", sub_problem=None),
        ]
    }
