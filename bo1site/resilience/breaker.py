"""The circuit breaker as a pure state machine. Times are seconds on one clock that the caller reads.

closed --threshold failures in a row, or one that no retry can help--> open
open --cool-down over, next caller--> half open, that caller holding the probe's lease
half open --probe succeeded--> closed;  --probe failed--> open;  --probe released or lease over--> next caller probes

Answers to calls that were let in while the breaker was closed change nothing once it is not.
"""

from dataclasses import dataclass, replace
from enum import StrEnum


class Phase(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Admission(StrEnum):
    PASS = "pass"  # noqa: S105  # not a password
    PROBE = "probe"
    REFUSED = "refused"


class Fault(StrEnum):
    """How a failure counts. Each has its own cool-down."""

    COUNTED = "counted"
    RATE_LIMIT = "rate_limit"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Rules:
    """``lease`` must outlast an attempt; else a second probe starts beside a slow one."""

    threshold: int = 5
    cooldown: float = 60.0
    account_cooldown: float = 900.0
    longest_cooldown: float = 3600.0
    lease: float = 75.0


@dataclass(frozen=True, slots=True)
class State:
    """``failures`` counts failures in a row while closed; ``probe`` names the holder of the lease."""

    phase: Phase = Phase.CLOSED
    failures: int = 0
    open_until: float = 0.0
    probe: str = ""
    probe_until: float = 0.0
    reason: str = ""


CLOSED = State()


def admit(state: State, now: float, caller: str, rules: Rules) -> tuple[State, Admission]:
    """Lets a caller in or not. ``caller`` is unique for each attempt and not empty."""
    if state.phase is Phase.CLOSED:
        return state, Admission.PASS
    if state.phase is Phase.OPEN and now < state.open_until:
        return state, Admission.REFUSED
    if state.phase is Phase.HALF_OPEN and state.probe and now < state.probe_until:
        return state, Admission.REFUSED
    probing = replace(state, phase=Phase.HALF_OPEN, probe=caller, probe_until=now + rules.lease)
    return probing, Admission.PROBE


def succeeded(state: State, caller: str) -> State:
    if state.phase is Phase.CLOSED:
        return CLOSED
    return CLOSED if _probes(state, caller) else state


def failed(
    state: State, now: float, caller: str, fault: Fault, rules: Rules, *, reason: str = "", retry_after: float = 0.0
) -> State:
    if state.phase is Phase.CLOSED:
        failures = state.failures + 1
        if fault is Fault.ACCOUNT or failures >= rules.threshold:
            return _opened(now, fault, rules, failures, reason, retry_after)
        return replace(state, failures=failures, reason=reason)
    if _probes(state, caller):
        return _opened(now, fault, rules, state.failures + 1, reason, retry_after)
    return state


def released(state: State, caller: str) -> State:
    """A probe that ended without an outcome (cancelled, or a fault of our own) lets the next caller probe."""
    return replace(state, probe="", probe_until=0.0) if _probes(state, caller) else state


def tripped(now: float, seconds: float, reason: str) -> State:
    """Opened by hand; after ``seconds`` a probe decides as usual."""
    return State(phase=Phase.OPEN, open_until=now + seconds, reason=reason)


def retry_in(state: State, now: float) -> float:
    """Seconds until a refused caller may be let in (0 when it may be now)."""
    if state.phase is Phase.OPEN:
        return max(0.0, state.open_until - now)
    if state.phase is Phase.HALF_OPEN and state.probe:
        return max(0.0, state.probe_until - now)
    return 0.0


def _probes(state: State, caller: str) -> bool:
    return state.phase is Phase.HALF_OPEN and state.probe == caller != ""


def _opened(now: float, fault: Fault, rules: Rules, failures: int, reason: str, retry_after: float) -> State:
    cooldown = rules.account_cooldown if fault is Fault.ACCOUNT else rules.cooldown
    if fault is Fault.RATE_LIMIT:
        cooldown = max(cooldown, retry_after)
    return State(
        phase=Phase.OPEN,
        failures=failures,
        open_until=now + min(cooldown, rules.longest_cooldown),
        reason=reason,
    )
