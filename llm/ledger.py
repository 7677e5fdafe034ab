"""How attempts end, and what a session has cost so far. Synchronous: call it in a database thread.

``llm.hotpath`` begins an attempt's row and settles it when all went well; everything else happens here.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Count, Max, Q, Sum
from django.db.models.functions import Now
from django.utils import timezone

from llm.errors import LLMError
from llm.models import LLMCall
from llm.types import Usage

Status = LLMCall.Status
#: Seconds between two looks of a process for attempts whose own process died.
SWEEP_INTERVAL = 60.0
#: An attempt that began longer ago than this and is not settled belongs to a dead process.
ABANDONED_AFTER = timedelta(minutes=15)

_swept_at = 0.0


@dataclass(frozen=True, slots=True)
class CostSummary:
    """``known`` is in US dollars. ``unknown_calls`` have no known cost, and are in no way included in ``known``."""

    known: Decimal = Decimal(0)
    calls: int = 0
    failed_calls: int = 0
    unknown_calls: int = 0
    open_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    @property
    def complete(self) -> bool:
        """True when ``known`` is all there is to pay."""
        return self.unknown_calls == 0 and self.open_calls == 0


def fail(call_id: int, error: LLMError, *, cost: Decimal | None, latency: float) -> None:
    """Settles a failed attempt; it still has a cost when the provider answered, but uselessly."""
    _settle(
        call_id,
        latency,
        status=Status.FAILED,
        error_code=error.code[:64],
        error=error.message[:500],
        http_status=error.http_status,
        cost=cost,
        **_tokens(error.usage or Usage()),
    )


def lose(call_id: int, code: str, *, latency: float) -> None:
    """Settles an attempt that was stopped before its outcome was known."""
    _settle(call_id, latency, status=Status.UNKNOWN, error_code=code, cost=None)


def drop(call_id: int) -> None:
    """Removes the row of an attempt that was never sent."""
    LLMCall.objects.filter(pk=call_id, status=Status.STARTED).delete()


def _settle(call_id: int, latency: float, **values: Any) -> None:
    LLMCall.objects.filter(pk=call_id).update(
        finished_at=timezone.now(), latency_ms=min(round(latency * 1000), 2_147_483_647), **values
    )


def _tokens(usage: Usage) -> dict[str, int]:
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
    }


def settle_abandoned(older_than: timedelta = ABANDONED_AFTER, *, session_id: UUID | None = None) -> int:
    """Marks attempts as unknown whose process ended before it could settle them; returns how many."""
    rows = LLMCall.objects.filter(status=Status.STARTED, started_at__lt=Now() - older_than)
    if session_id is not None:
        rows = rows.filter(session_id=session_id)
    return rows.update(status=Status.UNKNOWN, error_code="process_died", finished_at=timezone.now())


def sweep_now_and_then() -> None:
    """``settle_abandoned``, but at most once in ``SWEEP_INTERVAL`` in a process."""
    global _swept_at
    now = time.monotonic()
    if now - _swept_at > SWEEP_INTERVAL:
        _swept_at = now
        settle_abandoned()


_OPEN = Q(status=Status.STARTED)
_AGGREGATES: dict[str, Any] = {
    "known": Sum("cost"),
    "calls": Count("pk"),
    "failed_calls": Count("pk", filter=Q(status=Status.FAILED)),
    "unknown_calls": Count("pk", filter=Q(cost__isnull=True) & ~_OPEN),
    "open_calls": Count("pk", filter=_OPEN),
    "input_tokens": Sum("input_tokens"),
    "output_tokens": Sum("output_tokens"),
    "cache_read_tokens": Sum("cache_read_tokens"),
    "cache_write_tokens": Sum("cache_write_tokens"),
}


def cost_of(session_id: UUID) -> CostSummary:
    """What one session has cost, attempts that failed included."""
    return _summary(LLMCall.objects.filter(session_id=session_id).aggregate(**_AGGREGATES))


def costs_of(session_ids: Iterable[UUID]) -> dict[UUID, CostSummary]:
    """The same for many sessions in one query; every id asked for is in the answer."""
    wanted = list(session_ids)
    rows = LLMCall.objects.filter(session_id__in=wanted).order_by().values("session_id").annotate(**_AGGREGATES)
    found = {row["session_id"]: _summary({name: row[name] for name in _AGGREGATES}) for row in rows}  # type: ignore[literal-required]
    return {key: found.get(key, CostSummary()) for key in wanted}


def experience(session_id: UUID) -> tuple[float, int, float]:
    """What calls of a session have been like: US dollars and number of those with a known price, and the seconds of
    the longest."""
    done = LLMCall.objects.filter(session_id=session_id, status=LLMCall.Status.FINISHED)
    row = done.aggregate(dollars=Sum("cost"), calls=Count("cost"), longest=Max("latency_ms"))
    return float(row["dollars"] or 0), int(row["calls"]), float(row["longest"] or 0) / 1000


def _summary(row: dict[str, Any]) -> CostSummary:
    counts = {name: value or 0 for name, value in row.items() if name != "known"}
    return CostSummary(known=row["known"] or Decimal(0), **counts)
