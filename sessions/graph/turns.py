"""Who was to speak, who has, and who is to be asked again.

How a retry asks only those who are missing
-------------------------------------------
A persona (or voter) whose call fails returns an ``Outcome`` in the channel ``turns``, under the key of its turn, with
the fence of the claim that ran it. All turns of a round end before their join (``assess``, ``tally``) starts, and the
join calls ``roll_call``:

1. Enough have spoken: the deliberation goes on without the missing ones. What failed is in the room for all to see.
2. Too few, and the failures are of this very claim: the sub-problem ends with its failure and its place
   (sessions/graph/broken.py), in which the turns that succeeded are kept. When all else is done, ``gather`` fails the
   session.
3. Too few, and failures are of an earlier claim: somebody has retried (a retry is a new claim, with a higher fence),
   and ``gather`` has sent the sub-problem again to its place, which is this join. The join returns their slugs in
   ``recall``; the router sends exactly these again and nobody else, and they come back to the join. A success replaces
   the failure under the same key; a new failure carries the new fence, so the next pass ends in 2, never in a circle.

A claim without a fence (a bare graph) counts as fence 0 and cannot be told from the one before it, so there the join
fails again: whoever drives the graph by hand passes a growing ``fence`` in ``configurable``.

A failure that stops everybody (a spent budget, our own database away) is case 2 even when enough have spoken: it says
nothing about the voice that is missing, which is asked again once the cause is gone.
"""

from collections.abc import Mapping

from llm.errors import Condition, LLMError
from sessions.graph.failures import DeliberationFailed
from sessions.graph.routing import quorum
from sessions.graph.state import Outcome

_HALTING = frozenset({Condition.BUDGET, Condition.STORAGE})


def failed(persona: str, error: LLMError, *, fence: int) -> Outcome:
    return {
        "spoke": False,
        "persona": persona,
        "code": error.code,
        "message": error.message,
        "recoverable": error.recoverable,
        "halts": halts(error),
        "fence": fence,
    }


def halted(turns: Mapping[str, Outcome]) -> bool:
    """Whether a failure is among ``turns`` that stops everybody."""
    return any(outcome.get("halts") for outcome in turns.values())


def halts(error: LLMError) -> bool:
    return error.condition in _HALTING


def roll_call(turns: Mapping[str, Outcome], keys: Mapping[str, str], *, fence: int, node: str) -> list[str]:
    """Slugs to be asked again before the join may do its work; usually none. ``keys`` maps slugs to turn keys.

    Raises ``DeliberationFailed`` when too few have spoken and this claim has already tried.
    """
    missing = {slug: turns.get(key, Outcome()) for slug, key in keys.items() if not turns.get(key, {}).get("spoke")}
    spoken = len(keys) - len(missing)
    halting = [outcome for outcome in missing.values() if outcome.get("halts")]
    if not missing or (spoken >= quorum(len(keys)) and not halting):
        return []
    stale = [slug for slug, outcome in missing.items() if outcome.get("fence", -1) != fence]
    if stale:
        return stale
    worst = (halting or list(missing.values()))[0]
    within_reach = spoken + sum(bool(outcome.get("recoverable")) for outcome in missing.values())
    raise DeliberationFailed(
        str(worst["code"]),
        f"{spoken} of {len(keys)} on the board could be heard; at least {quorum(len(keys))} are needed."
        f" {worst['message']}"
        if not halting
        else str(worst["message"]),
        recoverable=bool(halting) or within_reach >= quorum(len(keys)),
        node=node,
    )
