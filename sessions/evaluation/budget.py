"""Equal tokens: how they are counted, and how many samples a budget buys.

Counted are the tokens of every attempt in the ledger, failed ones included: input (fresh, cache reads and writes alike)
and output. What a provider never reported, because a process or a connection died, cannot be counted: such calls are
shown as of unknown outcome.
"""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db.models import F, Sum

from llm import ledger
from llm.models import LLMCall

#: Tokens for each case when nobody says otherwise: about what a board of four takes for two rounds of a short decision.
DEFAULT = 60_000


@dataclass(frozen=True, slots=True)
class Spend:
    """``cost`` is in US dollars and what is known of it; ``unknown`` calls are in no way included in it."""

    tokens: int = 0
    calls: int = 0
    failed: int = 0
    unknown: int = 0
    cost: Decimal = Decimal(0)

    def over(self, budget: int) -> bool:
        return self.tokens > budget


def spends(ids: list[UUID]) -> dict[UUID, Spend]:
    """What was spent under each id."""
    return {key: _spend(found) for key, found in ledger.costs_of(ids).items()}


def tokens_up_to(session_id: UUID, call_no: int) -> int:
    """Tokens of the calls 0 … ``call_no``: the same number whenever it is asked again after those are settled."""
    total = F("input_tokens") + F("cache_read_tokens") + F("cache_write_tokens") + F("output_tokens")
    rows = LLMCall.objects.filter(session_id=session_id, call_no__lte=call_no)
    return int(rows.aggregate(tokens=Sum(total))["tokens"] or 0)


def affords(spent: int, asked: int, budget: int) -> bool:
    """Whether one more sample fits, if it takes as many tokens as the ``asked`` ones took on average."""
    return asked == 0 or spent + spent / asked <= budget


def _spend(found: ledger.CostSummary) -> Spend:
    tokens = found.input_tokens + found.output_tokens + found.cache_read_tokens + found.cache_write_tokens
    return Spend(tokens, found.calls, found.failed_calls, found.unknown_calls + found.open_calls, found.known)
