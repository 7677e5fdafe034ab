"""What the broker tells Prometheus, and the two things it shouts about (MO1)."""

import logging
from decimal import Decimal

from prometheus_client import Counter, Gauge, Histogram

from bo1site.resilience.breaker import Phase, State
from llm.errors import LLMError

logger = logging.getLogger(__name__)

ATTEMPTS = Counter("llm_attempts_total", "Attempts by their outcome (ok, or the error's code)", ["provider", "outcome"])
RETRIES = Counter("llm_retries_total", "Further attempts on the same provider", ["provider", "reason"])
FALLBACKS = Counter("llm_fallbacks_total", "Calls handed to another provider", ["provider", "to", "reason"])
REUSED = Counter("llm_reused_answers_total", "Answers that were not paid again", ["source"])
COST = Counter("llm_cost_dollars_total", "Known cost", ["provider", "model"])
UNPRICED = Counter("llm_unpriced_calls_total", "Answers whose cost is unknown", ["provider", "model"])
SECONDS = Histogram(
    "llm_attempt_seconds", "Time for one attempt", ["provider"], buckets=(0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120)
)
WAITING = Histogram(
    "llm_slot_wait_seconds", "Time for a call to be let out", ["provider"], buckets=(0.001, 0.01, 0.1, 1, 10, 60)
)
BREAKER = Gauge("llm_breaker_state", "0 closed, 1 half open, 2 open", ["provider"], multiprocess_mode="mostrecent")
LIVE_FAILURES = Counter("llm_live_text_failures_total", "Watchers of live text that failed or were slow", ["reason"])
ALERTS = Counter("llm_alerts_total", "Failures that need a person", ["provider", "code"])

_LEVELS = {Phase.CLOSED: 0, Phase.HALF_OPEN: 1, Phase.OPEN: 2}


def answered(provider: str, model: str, cost: Decimal | None, seconds: float) -> None:
    ATTEMPTS.labels(provider, "ok").inc()
    SECONDS.labels(provider).observe(seconds)
    logger.info("%s answered", provider, extra={"model": model, "seconds": round(seconds, 3), "cost": cost})
    if cost is None:
        UNPRICED.labels(provider, model).inc()
    elif cost:
        COST.labels(provider, model).inc(float(cost))


def failed(error: LLMError, seconds: float) -> None:
    ATTEMPTS.labels(error.provider, error.code).inc()
    logger.info("%s failed: %s", error.provider, error.code, extra={"seconds": round(seconds, 3)})
    SECONDS.labels(error.provider).observe(seconds)


def alert(error: LLMError) -> None:
    """An account that is refused does not mend itself."""
    ALERTS.labels(error.provider, error.code).inc()
    logger.error("llm alert: %s", error)


def breaker_changed(provider: str, state: State) -> None:
    BREAKER.labels(provider).set(_LEVELS[state.phase])
    level = logging.WARNING if state.phase is Phase.OPEN else logging.INFO
    logger.log(level, "Circuit breaker of %s is %s now (%s)", provider, state.phase.value, state.reason or "recovered")
