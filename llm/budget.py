"""Caps that are checked before each attempt. Whoever owns sessions says what they are.

    budget.register(read)      # in the owner's AppConfig.ready()

A cap reached is a stop that can be resumed: raise the cap, and the step finds every answer it already paid for.
Calls that run at the moment of the check are not counted yet, so a cap can be exceeded by what is in flight.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.utils import timezone

from llm import ledger
from llm.errors import Condition, LLMError


@dataclass(frozen=True, slots=True)
class Budget:
    """``cost_cap`` in US dollars; None means no limit."""

    cost_cap: Decimal | None = None
    deadline: datetime | None = None


#: Gives a session's budget, None when it has none. Called in a database thread, before each attempt.
Reader = Callable[[UUID], Budget | None]

_reader: Reader | None = None


#: Budgets read lately: when each was read (monotonic), and what it was.
_known: dict[UUID, tuple[float, Budget | None]] = {}
#: Seconds for which a budget that allows a call is trusted; one that forbids it is always read afresh.
TRUSTED = 1.0
_MOST_KNOWN = 5_000


def register(reader: Reader | None) -> None:
    """Sets the one reader of budgets; None removes it."""
    global _reader
    _reader = reader
    _known.clear()


def check(session_id: UUID | None) -> None:
    """Raises ``LLMError`` when the session may not spend any more. Synchronous, for a database thread."""
    if _reader is None or session_id is None:
        return
    known = _known.get(session_id)
    if known is not None and time.monotonic() - known[0] < TRUSTED:
        try:
            _hold(session_id, known[1])
            return
        except LLMError:
            pass  # it may have been raised since
    budget = _reader(session_id)
    if len(_known) >= _MOST_KNOWN:
        _known.clear()
    _known[session_id] = (time.monotonic(), budget)
    _hold(session_id, budget)


def _hold(session_id: UUID, budget: Budget | None) -> None:
    if budget is None:
        return
    if budget.deadline is not None and timezone.now() >= budget.deadline:
        raise LLMError(
            "session_deadline",
            "The session's time is over. What it has worked out is kept: extend its deadline to go on.",
            condition=Condition.BUDGET,
        )
    if budget.cost_cap is None:
        return
    spent = ledger.spent(session_id)
    if spent >= budget.cost_cap:
        raise LLMError(
            "budget_exhausted",
            f"The session has reached its cost cap (${spent:.4f} of ${budget.cost_cap:.2f}). "
            "What it has worked out is kept: raise the cap to go on.",
            condition=Condition.BUDGET,
        )
