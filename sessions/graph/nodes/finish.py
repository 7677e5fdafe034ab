"""The end: without its draft a session is not completed, however far its graph has run."""

from typing import Any

from langgraph.runtime import Runtime

from sessions.graph import drafts
from sessions.graph.failures import DeliberationFailed
from sessions.graph.ports import Context
from sessions.graph.state import State


async def finish(state: State, runtime: Runtime[Context]) -> dict[str, Any]:
    memo = await runtime.context.reader.memo()
    if memo is None:
        raise DeliberationFailed("memo_missing", "There is no memo to finish with.", recoverable=False, node="finish")
    return {
        "outbox": [drafts.session(phase="done"), drafts.end(str(memo["recommendation"]), float(memo["confidence"]))]
    }
