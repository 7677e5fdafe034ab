"""What is left of a session's money and time, and what another round would take. Asks the ledger only near a limit."""

from sessions.graph.ports import Brief, Reader
from sessions.graph.stopping import UNLIMITED, Means

#: Seconds before the deadline from which it is worth asking how long calls take.
NEAR = 900.0
#: Calls one after another: in a round (the board side by side, then the facilitator), and from there to the end.
ROUND_DEPTH, END_DEPTH = 2, 3


async def means(reader: Reader, brief: Brief, *, seats: int) -> Means:
    """Estimated from the session's own calls: their mean price, and the longest of them for each call in a row."""
    near = brief.seconds_left is not None and brief.seconds_left < NEAR
    if brief.cost_cap is None and not near:
        return UNLIMITED
    spent = await reader.spent()
    price = spent.dollars / spent.calls if spent.calls else 0.0
    return Means(
        money_left=None if brief.cost_cap is None else brief.cost_cap - spent.dollars,
        money_for_round=price * (seats + 1),
        money_to_end=price * (seats + 2),
        seconds_left=brief.seconds_left if near else None,
        seconds_for_round=spent.longest * ROUND_DEPTH,
        seconds_to_end=spent.longest * END_DEPTH,
    )
