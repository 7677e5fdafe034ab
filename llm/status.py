"""How each provider is doing, in words and figures. Synchronous; reads the breakers and the last hour's ledger."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Avg, Count, Max, Q
from django.utils import timezone

from bo1site.resilience import breaker
from bo1site.resilience.breaker import Phase
from llm import breaker_store
from llm.models import LLMCall
from llm.providers import registry
from llm.providers.base import title

WINDOW = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ProviderStatus:
    """``state`` is one of available, resting, probing, not_configured; the figures cover the last hour.

    ``retry_in`` is in seconds, for a resting provider; ``latency`` in seconds, the mean of finished attempts.
    """

    name: str
    title: str
    role: str
    state: str
    words: str
    offline: bool
    retry_in: float | None
    reason: str
    attempts: int
    failed: int
    latency: float | None
    last_success: datetime | None


def provider_status() -> list[ProviderStatus]:
    """All providers the settings know, the primary first."""
    names = sorted(settings.LLM_PROVIDERS, key=lambda name: name != settings.LLM_PRIMARY)
    recent = LLMCall.objects.filter(started_at__gte=timezone.now() - WINDOW).order_by()
    figures: dict[str, dict[str, Any]] = {
        row["provider"]: dict(row)
        for row in recent.values("provider").annotate(
            attempts=Count("pk"),
            failed=Count("pk", filter=Q(status=LLMCall.Status.FAILED)),
            latency=Avg("latency_ms", filter=Q(status=LLMCall.Status.FINISHED)),
            last_success=Max("finished_at", filter=Q(status=LLMCall.Status.FINISHED)),
        )
    }
    return [_status(name, figures.get(name)) for name in names]


def _status(name: str, row: dict[str, Any] | None) -> ProviderStatus:
    entry = registry.config(name)
    state, words, retry_in, reason = _state(name, entry is not None)
    latency = row["latency"] if row else None
    return ProviderStatus(
        name=name,
        title=title(name),
        role=_role(name, entry is not None),
        state=state,
        words=words,
        offline=bool(entry and entry.offline),
        retry_in=retry_in,
        reason=reason,
        attempts=int(row["attempts"]) if row else 0,
        failed=int(row["failed"]) if row else 0,
        latency=None if latency is None else round(float(latency) / 1000, 3),
        last_success=row["last_success"] if row else None,
    )


def _state(name: str, configured: bool) -> tuple[str, str, float | None, str]:
    if not configured:
        return "not_configured", "Not set up", None, ""
    copy = breaker_store.snapshot(name)
    wait = breaker.retry_in(copy.state, copy.current)
    if copy.state.phase is Phase.CLOSED:
        return "available", "Available", None, ""
    if copy.state.phase is Phase.OPEN and wait > 0:
        return "resting", f"Left alone, tried again in {_span(wait)}", round(wait, 1), copy.state.reason
    return "probing", "Being tried again", None, copy.state.reason


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _role(name: str, configured: bool) -> str:
    if name == settings.LLM_PRIMARY:
        return "primary"
    return "fallback" if configured and settings.LLM_FALLBACK_ENABLED else "unused"
