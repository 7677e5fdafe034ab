"""The pool of PostgreSQL connections of this process, measured, bounded and behind a breaker (DB3, DB4).

Three things psycopg's own pool does otherwise: it waits ever longer between attempts while the server is away, lets
whoever waits for a connection wait to the end of their patience although none can come, and tests a broken connection
a second after the last. Here every attempt to connect is tried at once, its failure is told to all who wait for it, and
five failures in a row shut the gate, so that nobody waits at all until one probe has come through.
"""

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from django.conf import settings
from psycopg_pool import ConnectionPool, PoolTimeout

from bo1site.resilience import metrics
from bo1site.resilience.breaker import Rules
from bo1site.resilience.gate import Gate, Refused

#: Seconds a process other than a web process leaves PostgreSQL alone after five failures: nobody looks at a page
#: there, and a paid answer waits in memory for its commit.
PATIENT_COOLDOWN = 1.0
#: Failures to connect within so many seconds count as one.
SPACING = 1.0


class DatabaseAway(psycopg.OperationalError):
    """Not even tried: PostgreSQL did not answer several times in a row. ``retry_in`` is in seconds."""

    def __init__(self, retry_in: float, reason: str) -> None:
        super().__init__(f"PostgreSQL is away ({reason}); it is asked again in {retry_in:.0f} s")
        self.retry_in = retry_in


@dataclass(frozen=True, slots=True)
class Load:
    """How busy a pool is now. ``longest_wait``: seconds that whoever has waited longest waits by now."""

    in_use: int
    waiting: int
    size: int
    longest_wait: float

    @property
    def utilisation(self) -> float:
        """Demand over supply: 1.0 is a pool without a free connection, more means that some wait."""
        return (self.in_use + self.waiting) / self.size


class Pool(ConnectionPool[psycopg.Connection[Any]]):
    """Hands out living connections or says quickly why not."""

    def __init__(self, *, gate: Gate, role: str, check: bool, **options: Any) -> None:
        self.gate, self.role, self._alive_first = gate, role, check
        self._asking: dict[int, float] = {}
        self._in_use = 0
        self._counts = threading.Lock()
        super().__init__(**{"reconnect_timeout": 0.0, **options})
        metrics.POOL_SIZE.labels(role).set(self.max_size)

    def load(self) -> Load:
        with self._counts:
            since = min(self._asking.values(), default=None)
            waiting = len(self._asking)
            in_use = self._in_use
        return Load(in_use, waiting, self.max_size, time.monotonic() - since if since is not None else 0.0)

    def getconn(self, timeout: float | None = None) -> psycopg.Connection[Any]:
        """A connection that answers. Raises ``DatabaseAway`` (at once), ``PoolTimeout`` or what connecting raised."""
        try:
            ticket, probing = self.gate.enter()
        except Refused as refused:
            raise DatabaseAway(refused.retry_in, self.gate.state.reason) from None
        try:
            with self._asked():
                connection = self._living(self.timeout if timeout is None else timeout)
        except PoolTimeout:
            metrics.POOL_TIMEOUTS.labels(self.role).inc()
            self._settle(ticket, probing, "no connection in time")
            raise
        except psycopg.Error as error:
            self._settle(ticket, probing, str(error))
            raise
        except BaseException:
            self.gate.released(ticket)
            raise
        self.gate.succeeded(ticket)
        with self._counts:
            self._in_use += 1
        metrics.POOL_IN_USE.labels(self.role).inc()
        return connection

    def putconn(self, conn: psycopg.Connection[Any]) -> None:
        with self._counts:
            counted = self._in_use > 0  # not, when the pool was closed meanwhile
            self._in_use -= counted
        if counted:
            metrics.POOL_IN_USE.labels(self.role).dec()
        super().putconn(conn)

    def close(self, timeout: float = 5.0) -> None:
        """Also forgets what was handed out and never came back, as before a fork."""
        with self._counts:
            lost, self._in_use = self._in_use, 0
        if lost:
            metrics.POOL_IN_USE.labels(self.role).dec(lost)
        super().close(timeout)

    def _settle(self, ticket: str, probing: bool, reason: str) -> None:
        # In a closed gate the attempt to connect itself has been counted, in ``_connect``; exhaustion is no failure.
        if probing:
            self.gate.failed(ticket, reason)

    def _living(self, timeout: float) -> psycopg.Connection[Any]:
        deadline = time.monotonic() + timeout
        while True:
            connection = super().getconn(max(0.0, deadline - time.monotonic()))
            if not self._alive_first:
                return connection
            try:
                self.check_connection(connection)
                return connection
            except psycopg.Error:
                connection.close()
                super().putconn(connection)  # it is replaced, and we take the next one at once
            except BaseException:
                super().putconn(connection)
                raise

    @contextlib.contextmanager
    def _asked(self) -> Iterator[None]:
        began, me = time.monotonic(), threading.get_ident()
        with self._counts:
            self._asking[me] = began
        metrics.POOL_WAITING.labels(self.role).inc()
        try:
            yield
        finally:
            with self._counts:
                self._asking.pop(me, None)
            metrics.POOL_WAITING.labels(self.role).dec()
            metrics.POOL_WAIT.labels(self.role).observe(time.monotonic() - began)

    def _connect(self, timeout: float | None = None) -> psycopg.Connection[Any]:
        try:
            return super()._connect(timeout)
        except Exception as error:
            metrics.CONNECT_FAILURES.labels(self.role).inc()
            self.gate.failed("", str(error))
            if self._in_use == 0:
                self._fail_all(error)  # nobody can give one back, so nobody need wait
            raise

    def _fail_all(self, error: Exception) -> None:
        with self._lock:
            waiting = list(self._waiting)
            self._waiting.clear()
        for client in waiting:
            client.fail(psycopg.OperationalError(str(error)))


#: The pools of this process by alias; the backend puts them here.
POOLS: dict[str, Pool] = {}


def database_gate() -> Gate:
    """The one gate in front of PostgreSQL of this process."""
    global _gate
    if _gate is None:
        given = float(settings.DATABASE_BREAKER_SECONDS)
        cooldown = given if settings.ROLE == "web" else min(given, PATIENT_COOLDOWN)
        _gate = Gate("postgresql", Rules(cooldown=cooldown, lease=15.0), spacing=SPACING)
    return _gate


_gate: Gate | None = None


def load(alias: str = "default") -> Load | None:
    """The load of this process' pool; None when it has none (yet)."""
    pool = POOLS.get(alias)
    return pool.load() if pool is not None else None
