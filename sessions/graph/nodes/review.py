"""The owner's look at the frame and the board before the debate, for those who asked for it; a join for all others."""

from typing import Any

from sessions.graph.state import State


async def review(state: State) -> dict[str, Any]:
    return {}
