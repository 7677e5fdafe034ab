"""The breakers all processes share: a row for each provider, changed by atomic transitions on the database's clock.

A process trusts its copy for ``CACHE_SECONDS``: another process' breaker can be open that long before this one
notices. Probes are never admitted from the copy. Everything here is synchronous, for a database thread, but ``peek``.
Lock: one row of ``llm_breaker``, FOR UPDATE, in a transaction that takes no other lock and waits for nobody.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from django.conf import settings
from django.db import models, transaction
from django.db.models import Func

from bo1site.resilience import breaker
from bo1site.resilience.breaker import CLOSED, Admission, Fault, Phase, Rules, State
from llm import metrics
from llm.models import Breaker

R = TypeVar("R")

CACHE_SECONDS = 1.0


class _DatabaseClock(Func):
    """The wall clock now, not the transaction's start."""

    function = "clock_timestamp"
    output_field = models.DateTimeField()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state as read at ``now`` (database, epoch seconds), which was ``read_at`` on this process' monotonic clock."""

    state: State
    now: float
    read_at: float

    @property
    def age(self) -> float:
        return time.monotonic() - self.read_at

    @property
    def current(self) -> float:
        """The database's clock, estimated."""
        return self.now + self.age


_copies: dict[str, Snapshot] = {}


def rules() -> Rules:
    """The breaker's rules from settings, with a lease that outlasts the longest attempt."""
    default = Rules()
    return Rules(
        threshold=int(getattr(settings, "LLM_BREAKER_THRESHOLD", default.threshold)),
        cooldown=float(getattr(settings, "LLM_BREAKER_COOLDOWN", default.cooldown)),
        account_cooldown=float(getattr(settings, "LLM_BREAKER_ACCOUNT_COOLDOWN", default.account_cooldown)),
        lease=float(settings.LLM_CALL_TIMEOUT) + 15.0,
    )


def peek(provider: str) -> bool:
    """Whether a call would be let in, as far as this process knows; for choosing, not for admitting."""
    copy = _copies.get(provider)
    return copy is None or copy.state.phase is Phase.CLOSED or breaker.retry_in(copy.state, copy.current) == 0


def untroubled(provider: str) -> bool:
    """Whether the breaker was closed, or never looked at, when this process last heard of it."""
    copy = _copies.get(provider)
    return copy is None or copy.state.phase is Phase.CLOSED


def refusal(provider: str) -> float | None:
    """Seconds for which this process knows that a call would be refused; None when it does not know that."""
    copy = _copies.get(provider)
    if copy is None or copy.age >= CACHE_SECONDS or copy.state.phase is Phase.CLOSED:
        return None
    return breaker.retry_in(copy.state, copy.current) or None


def snapshot(provider: str) -> Snapshot:
    """The state, at most ``CACHE_SECONDS`` old."""
    copy = _copies.get(provider)
    if copy is not None and copy.age < CACHE_SECONDS:
        return copy
    row = Breaker.objects.filter(provider=provider).annotate(now=_DatabaseClock()).first()
    if row is None:
        Breaker.objects.get_or_create(provider=provider)
        row = Breaker.objects.annotate(now=_DatabaseClock()).get(provider=provider)
    return _remember(provider, _state(row), row.now)


def admit(provider: str, caller: str) -> tuple[Admission, float]:
    """Lets an attempt in or not; with a refusal comes how many seconds it stands."""
    copy = snapshot(provider)
    if copy.state.phase is Phase.CLOSED:
        return Admission.PASS, 0.0
    wait = breaker.retry_in(copy.state, copy.current)
    if wait > 0:
        return Admission.REFUSED, wait

    def step(state: State, now: float) -> tuple[State, tuple[Admission, float]]:
        after, admission = breaker.admit(state, now, caller, rules())
        return after, (admission, breaker.retry_in(after, now))

    return transition(provider, step)


def succeeded(provider: str, caller: str) -> None:
    """Costs nothing while the breaker is closed and, as far as this process knows, untroubled."""
    copy = _copies.get(provider)
    if copy is not None and copy.age < CACHE_SECONDS and copy.state == CLOSED:
        return
    transition(provider, lambda state, now: (breaker.succeeded(state, caller), None))


def failed(provider: str, caller: str, fault: Fault, reason: str, retry_after: float | None) -> None:
    def step(state: State, now: float) -> tuple[State, None]:
        after = breaker.failed(state, now, caller, fault, rules(), reason=reason, retry_after=retry_after or 0.0)
        return after, None

    transition(provider, step)


def released(provider: str, caller: str) -> None:
    transition(provider, lambda state, now: (breaker.released(state, caller), None))


def trip(provider: str, seconds: float, reason: str) -> State:
    """Opens a breaker by hand; returns the state before."""
    return transition(provider, lambda state, now: (breaker.tripped(now, seconds, reason), state))


def reset(provider: str) -> State:
    """Closes a breaker by hand; returns the state before."""
    return transition(provider, lambda state, now: (CLOSED, state))


def transition(provider: str, step: Callable[[State, float], tuple[State, R]]) -> R:
    """Applies a pure step to the stored state, with nobody else changing it in between; returns the step's result."""
    with transaction.atomic():
        rows = Breaker.objects.select_for_update().annotate(now=_DatabaseClock())
        row = rows.filter(provider=provider).first()
        if row is None:
            Breaker.objects.get_or_create(provider=provider)
            row = rows.get(provider=provider)
        before = _state(row)
        after, result = step(before, row.now.timestamp())
        if after != before:
            Breaker.objects.filter(pk=row.pk).update(
                phase=after.phase.value,
                failures=after.failures,
                open_until=_moment(after.open_until),
                probe=after.probe,
                probe_until=_moment(after.probe_until),
                reason=after.reason[:300],
                changed_at=row.now,
            )
    _remember(provider, after, row.now)
    if after.phase is not before.phase:
        metrics.breaker_changed(provider, after)
    return result


def forget() -> None:
    """Drops this process' copies, so that the next look reads the table."""
    _copies.clear()


def _remember(provider: str, state: State, now: datetime) -> Snapshot:
    copy = Snapshot(state, now.timestamp(), time.monotonic())
    _copies[provider] = copy
    return copy


def _state(row: Breaker) -> State:
    return State(
        phase=Phase(row.phase),
        failures=row.failures,
        open_until=row.open_until.timestamp() if row.open_until else 0.0,
        probe=row.probe,
        probe_until=row.probe_until.timestamp() if row.probe_until else 0.0,
        reason=row.reason,
    )


def _moment(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
