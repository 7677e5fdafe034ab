"""The parts of this process that /health/detail tells about."""

from typing import Any

from bo1site.observability import health
from bo1site.resilience import pools, redis


def register() -> None:
    health.register("postgresql", postgresql)
    health.register("redis", lambda: redis.link().shown())


def postgresql() -> dict[str, Any]:
    """The breaker and the pool of this process; asks the server nothing."""
    gate, load = pools.database_gate(), pools.load()
    shown: dict[str, Any] = {
        "state": gate.state.phase.value,
        "reason": gate.state.reason,
        "retry_in": round(gate.retry_in(), 1),
    }
    if load is not None:
        shown["pool"] = {
            "in_use": load.in_use,
            "waiting": load.waiting,
            "size": load.size,
            "longest_wait": round(load.longest_wait, 3),
        }
    return shown
