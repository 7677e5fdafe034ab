"""The join of the sub-problems: sends those that have become possible, and says when one of them cannot be finished.

A sub-problem that broke under this very claim fails the session, once everything else that can be done is done; its
siblings are settled and stay so. Under a later claim (a retry) only the broken ones are sent again, to their places.
"""

from typing import Any

from langchain_core.runnables import RunnableConfig

from sessions.graph import drafts, keys, routing
from sessions.graph.asking import fence
from sessions.graph.failures import DeliberationFailed
from sessions.graph.state import Failure, State


async def gather(state: State, config: RunnableConfig) -> dict[str, Any]:
    results = state.get("results", {})
    failures = {key: found["failure"] for key, found in results.items() if "failure" in found}
    again = {key: failure for key, failure in failures.items() if failure["fence"] != fence(config)}
    if again:
        return {"results": {key: {"place": results[key].get("place", {})} for key in again}}
    if any(failure["halts"] for failure in failures.values()) or (failures and not routing.ready(state)):
        raise _failed(state, failures)
    if routing.ready(state):
        return {}
    rounds = max((found["rounds"] for found in results.values()), default=0)
    return {
        "outbox": [
            drafts.session(phase="synthesis", round=rounds),
            drafts.event("phase_started", keys.phase("synthesis"), phase="synthesis", sub_problem=None),
        ]
    }


def _failed(state: State, failures: dict[str, Failure]) -> DeliberationFailed:
    """The failure of the session: the one that a retry helps least, in the words of its sub-problem."""
    key, worst = min(failures.items(), key=lambda item: (not item[1]["halts"], item[1]["recoverable"], int(item[0])))
    message = worst["message"]
    parts = len(state["outline"])
    if parts > 1:
        settled = sum(map(routing.settled, state["results"].values()))
        title = state["outline"][int(key)]["title"]
        message = f"Part {int(key) + 1} of {parts}, {title}: {message.rstrip(' .')}. {_kept(settled, parts)}"
    recoverable = all(failure["recoverable"] for failure in failures.values())
    return DeliberationFailed(worst["code"], message, recoverable=recoverable, node=worst["node"])


def _kept(settled: int, parts: int) -> str:
    if not settled:
        return "What was said is kept."
    be = "is" if settled == 1 else "are"
    return f"{settled} of the {parts} parts {be} settled and {be} not debated again."
