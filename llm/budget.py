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

from llm.errors import Condition, LLMError


@dataclass(frozen=True, slots=True)
class Budget:
    """``cost_cap`` in US dollars; None means no limit."""

    cost_cap: Decimal | None = None
    deadline: datetime | None = None


#: Gives a session's budget, None when it has none. Called in a database thread.
Reader = Callable[[UUID], Budget | None]

_NONE = Budget()
_reader: Reader | None = None
#: Budgets read lately: when each was read (monotonic), and what it was.
_known: dict[UUID, tuple[float, Budget]] = {}
#: Seconds for which a budget that allows a call is trusted, so that one which was narrowed counts that late; one that
#: forbids a call is read again before it does.
TRUSTED = 10.0
_MOST_KNOWN = 5_000


def register(reader: Reader | None) -> None:
    """Sets the one reader of budgets; None removes it."""
    global _reader
    _reader = reader
    _known.clear()


def of(session_id: UUID | None) -> Budget:
    """The session's budget. Raises ``LLMError`` when its time is over. Synchronous, for a database thread."""
    if _reader is None or session_id is None:
        return _NONE
    known = _known.get(session_id)
    if known is not None and time.monotonic() - known[0] < TRUSTED and not _is_over(known[1]):
        return known[1]
    budget = afresh(session_id)
    if _is_over(budget):
        raise LLMError(
            "session_deadline",
            "The session's time is over. What it has worked out is kept: extend its deadline to go on.",
            condition=Condition.BUDGET,
        )
    return budget


def afresh(session_id: UUID) -> Budget:
    """The session's budget as it stands in the table now."""
    budget = (_reader(session_id) if _reader is not None else None) or _NONE
    learnt(session_id, budget)
    return budget


def learnt(session_id: UUID, budget: Budget) -> None:
    """Takes note of a budget that somebody has just read from the table, so that it need not be read again."""
    if len(_known) >= _MOST_KNOWN:
        _known.clear()
    _known[session_id] = (time.monotonic(), budget)


def exhausted(spent: Decimal, cap: Decimal) -> LLMError:
    """``spent`` and ``cap`` in US dollars."""
    return LLMError(
        "budget_exhausted",
        f"The session has reached its cost cap (${spent:.4f} of ${cap:.2f}). "
        "What it has worked out is kept: raise the cap to go on.",
        condition=Condition.BUDGET,
    )


def _is_over(budget: Budget) -> bool:
    return budget.deadline is not None and timezone.now() >= budget.deadline
