"""The figures of the whole board that only the database knows: for /metrics and for the staff's operations page."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection
from prometheus_client.core import GaugeMetricFamily, Metric

from sessions.models import Status

_COUNTS = "SELECT status, count(*) FROM board_session GROUP BY status"
_LINE = """
SELECT coalesce(extract(epoch FROM clock_timestamp() - min(queued_at) FILTER (WHERE status = 'queued')), 0)::float8,
       count(*) FILTER (WHERE status = 'running' AND lease_until < clock_timestamp()),
       coalesce(extract(epoch FROM clock_timestamp() - min(progressed_at) FILTER (WHERE status = 'running')), 0)::float8
FROM board_session WHERE status IN ('queued', 'running')
"""
_QUEUE = "SELECT count(*) FROM django_q_ormq"
_SLOTS = """
SELECT host, number, owner, extract(epoch FROM lease_until - clock_timestamp())::float8, sessions, capacity,
       commit_delay_ms FROM board_runnerslot ORDER BY host, number
"""
_BREAKERS = """
SELECT provider, phase, failures, reason,
       greatest(0, extract(epoch FROM open_until - clock_timestamp()))::float8 FROM llm_breaker ORDER BY provider
"""
_COST = """
SELECT coalesce(sum(cost), 0), count(*) FILTER (WHERE cost IS NULL AND status <> 'started'), count(*)
FROM llm_llmcall WHERE started_at >= date_trunc('day', now())
"""
_FAILURES = """
SELECT failure ->> 'code', count(*), max(finished_at), bool_and(coalesce((failure ->> 'recoverable')::boolean, false))
FROM board_session WHERE status = 'failed' AND finished_at > now() - interval '1 day' AND failure IS NOT NULL
GROUP BY 1 ORDER BY 3 DESC LIMIT 10
"""
_CALL_ERRORS = """
SELECT provider, error_code, count(*), max(started_at) FROM llm_llmcall
WHERE status = 'failed' AND started_at > now() - interval '1 hour' GROUP BY 1, 2 ORDER BY 4 DESC LIMIT 10
"""


@dataclass(frozen=True, slots=True)
class Slot:
    """A runner that is awake. ``lease_left`` in seconds, below zero when it has run out."""

    host: str
    number: int
    owner: str
    lease_left: float
    sessions: int
    capacity: int
    commit_delay_ms: int


@dataclass(frozen=True, slots=True)
class ProviderBreaker:
    provider: str
    phase: str
    failures: int
    reason: str
    retry_in: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """Times in seconds, money in US dollars. ``stalest`` is the longest time a running session is without progress."""

    by_status: dict[str, int]
    oldest_queued: float
    expired_leases: int
    stalest: float
    queue_depth: int
    slots: list[Slot]
    breakers: list[ProviderBreaker]
    cost_today: Decimal
    unpriced_today: int
    calls_today: int

    @property
    def commit_delay_ms(self) -> int:
        return max((slot.commit_delay_ms for slot in self.slots), default=0)


def read() -> Figures:
    """All figures at this moment; a handful of index scans."""
    counts = dict(_rows(_COUNTS))
    [(oldest, expired, stalest)] = _rows(_LINE)
    [(depth,)] = _rows(_QUEUE)
    [(cost, unpriced, calls)] = _rows(_COST)
    return Figures(
        by_status={status.value: counts.get(status.value, 0) for status in Status},
        oldest_queued=oldest,
        expired_leases=expired,
        stalest=stalest,
        queue_depth=depth,
        slots=[Slot(*row) for row in _rows(_SLOTS)],
        breakers=[ProviderBreaker(*row) for row in _rows(_BREAKERS)],
        cost_today=cost,
        unpriced_today=unpriced,
        calls_today=calls,
    )


def failures() -> list[tuple[Any, ...]]:
    """Of the last day, by code: code, sessions, newest, whether all of them can be retried."""
    return _rows(_FAILURES)


def call_errors() -> list[tuple[Any, ...]]:
    """Of the last hour: provider, code, attempts, newest."""
    return _rows(_CALL_ERRORS)


def collect() -> Iterable[Metric]:
    """For Prometheus. One process of the whole board has to be asked for these, not each."""
    figures = read()
    sessions = GaugeMetricFamily("board_sessions", "Sessions by status", labels=["status"])
    for status, count in figures.by_status.items():
        sessions.add_metric([status], count)
    yield sessions
    breakers = GaugeMetricFamily("board_provider_breaker", "0 closed, 1 half open, 2 open", labels=["provider"])
    for entry in figures.breakers:
        breakers.add_metric([entry.provider], {"closed": 0, "half_open": 1, "open": 2}.get(entry.phase, 0))
    yield breakers
    for name, text, value in (
        ("board_oldest_queued_seconds", "How long the first in line waits", figures.oldest_queued),
        ("board_expired_leases", "Running sessions that nobody holds", figures.expired_leases),
        ("board_stalest_session_seconds", "Longest time of a running session without progress", figures.stalest),
        ("board_queue_depth", "Entries of the queue", figures.queue_depth),
        ("board_runners", "Runners that are awake", sum(slot.lease_left > 0 for slot in figures.slots)),
        (
            "board_slowest_commit_seconds",
            "Worst runner's finish to commit, 99th percentile",
            figures.commit_delay_ms / 1e3,
        ),
        ("board_cost_today_dollars", "Known cost since midnight (database's time zone)", float(figures.cost_today)),
        ("board_unpriced_today", "Calls since midnight whose cost is unknown", figures.unpriced_today),
    ):
        yield GaugeMetricFamily(name, text, value)


def _rows(statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
