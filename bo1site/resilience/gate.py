"""A circuit breaker of this process: the pure state machine behind a lock, on the monotonic clock.

For what each process reaches by itself (PostgreSQL, Redis). The providers' breakers are shared by all processes and
live in the database (llm/breaker_store.py); both walk the same machine.
"""

import itertools
import logging
import threading
import time
from collections.abc import Callable

from bo1site.resilience import breaker, metrics
from bo1site.resilience.breaker import CLOSED, Admission, Fault, Phase, Rules, State

log = logging.getLogger(__name__)

_LEVELS = {Phase.CLOSED: 0, Phase.HALF_OPEN: 1, Phase.OPEN: 2}


class Refused(Exception):
    """The gate is shut; ``retry_in`` seconds until somebody may try."""

    def __init__(self, name: str, retry_in: float, reason: str) -> None:
        super().__init__(f"{name} is not asked for another {retry_in:.0f} s: {reason}")
        self.retry_in = retry_in


class Gate:
    """``spacing``: failures within so many seconds of a counted one are not counted, so that twenty connections that
    broke in one restart are one failure and not four times the threshold."""

    def __init__(
        self, name: str, rules: Rules, *, spacing: float = 0.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.name, self.rules, self.spacing, self._clock = name, rules, spacing, clock
        self._lock = threading.Lock()
        self._state = CLOSED
        self._counted = float("-inf")
        self._numbers = itertools.count(1)
        metrics.BREAKER.labels(name).set(0)

    @property
    def state(self) -> State:
        return self._state

    def retry_in(self) -> float:
        """Seconds for which everybody is refused; 0 when somebody may try."""
        return breaker.retry_in(self._state, self._clock())

    def enter(self) -> tuple[str, bool]:
        """A ticket to hand back, and whether its holder is the probe. Raises ``Refused``."""
        ticket = f"{self.name}-{next(self._numbers)}"
        with self._lock:
            after, admission = breaker.admit(self._state, self._clock(), ticket, self.rules)
            self._become(after)
            if admission is Admission.REFUSED:
                raise Refused(self.name, breaker.retry_in(after, self._clock()), after.reason)
        return ticket, admission is Admission.PROBE

    def succeeded(self, ticket: str) -> None:
        if self._state is not CLOSED:
            with self._lock:
                self._become(breaker.succeeded(self._state, ticket))

    def failed(self, ticket: str, reason: str) -> None:
        now = self._clock()
        with self._lock:
            if self._state.phase is Phase.CLOSED and now - self._counted < self.spacing:
                return
            self._counted = now
            self._become(breaker.failed(self._state, now, ticket, Fault.COUNTED, self.rules, reason=reason[:300]))

    def released(self, ticket: str) -> None:
        """The holder learnt nothing."""
        with self._lock:
            self._become(breaker.released(self._state, ticket))

    def reset(self) -> None:
        with self._lock:
            self._counted = float("-inf")
            self._become(CLOSED)

    def _become(self, after: State) -> None:
        before, self._state = self._state, after
        if before.phase is not after.phase:
            metrics.BREAKER.labels(self.name).set(_LEVELS[after.phase])
            metrics.BREAKER_CHANGES.labels(self.name, after.phase.value).inc()
            level = logging.WARNING if after.phase is Phase.OPEN else logging.INFO
            log.log(level, "the breaker of %s is %s (%s)", self.name, after.phase.value, after.reason or "recovered")
