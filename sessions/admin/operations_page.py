"""The page to open first at three in the morning: what is broken, who is affected, where to look (MO1).

Every figure leads to the rows behind it, every alarm names its runbook. The page reads and changes nothing.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from bo1site import parts
from bo1site.resilience import redis
from sessions import event_latency, figures
from sessions.figures import Figures
from sessions.models import Status

#: From here on a figure is an alarm; docs/alerts.yml uses the same bounds.
OLDEST_QUEUED, STALEST, COMMIT_DELAY_MS, QUEUE_DEPTH = 60.0, 300.0, 500, 100
#: Seconds between two refreshes in the browser.
REFRESH = 3


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that needs a person; ``runbook`` is a file of docs/runbooks."""

    words: str
    runbook: str


@dataclass(frozen=True, slots=True)
class Figure:
    """``value`` is for people; ``link`` leads to the rows behind it."""

    label: str
    value: str
    link: str = ""
    bad: bool = False


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The whole page, or with ``?fragment=1`` only what changes."""
    if not request.user.has_perm("board.view_session"):
        raise PermissionDenied
    fragment = request.GET.get("fragment") == "1"
    context = {"now": timezone.now(), **_content()}
    if not fragment:
        context |= {**admin.site.each_context(request), "title": "Operations", "refresh": REFRESH}
    template = "admin/_operations.html" if fragment else "admin/operations.html"
    response = TemplateResponse(request, template, context)
    response["Cache-Control"] = "no-store"
    return response


def _content() -> dict[str, Any]:
    database, found = parts.postgresql(), None
    try:
        found = figures.read()
        failures, errors = figures.failures(), figures.call_errors()
    except DatabaseError as error:
        database["reason"] = database["reason"] or str(error)
        failures, errors = [], []
    return {
        "alarms": alarms(found, database),
        "sessions": _sessions(found) if found else [],
        "line": _line(found) if found else [],
        "connections": _connections(database),
        "figures": found,
        "failures": [
            (code, count, newest, recoverable, _list("board_session", "status__exact=failed"))
            for code, count, newest, recoverable in failures
        ],
        "call_errors": [
            (provider, code, count, newest, _list("llm_llmcall", "status__exact=failed"))
            for provider, code, count, newest in errors
        ],
    }


def alarms(found: Figures | None, database: dict[str, Any]) -> list[Alarm]:
    """What is wrong now, worst first; ``found`` is None while the database cannot be read."""
    wrong = []
    if found is None or database["state"] != "closed":
        wrong.append(Alarm("PostgreSQL does not answer. Nothing can be started; streams wait.", "postgresql-down.md"))
    pool = database.get("pool")
    if pool and pool["in_use"] + pool["waiting"] >= 0.95 * pool["size"]:
        wrong.append(Alarm("The pool of this web process is full; new work is turned away.", "pool-exhausted.md"))
    if redis.is_down():
        slow = event_latency.is_slow()
        words = "Redis is down and events are written slowly." if slow else "Redis is down; PostgreSQL does its part."
        wrong.append(Alarm(words, "redis-down-events-slow.md" if slow else "redis-down.md"))
    if found is None:
        return wrong
    open_ = [entry.provider for entry in found.breakers if entry.phase != "closed"]
    if open_:
        words = "No provider can be asked." if len(open_) == len(found.breakers) > 1 else "Calls go elsewhere."
        wrong.append(Alarm(f"Breaker open: {', '.join(open_)}. {words}", "provider-down.md"))
    if found.expired_leases:
        wrong.append(Alarm(f"{found.expired_leases} running sessions are held by nobody.", "leases-expired.md"))
    if found.oldest_queued > OLDEST_QUEUED:
        wrong.append(Alarm(f"The first in line waits for {_span(found.oldest_queued)}.", "queue-stuck.md"))
    if found.stalest > STALEST:
        wrong.append(Alarm(f"A session is without progress for {_span(found.stalest)}.", "session-stuck.md"))
    if found.commit_delay_ms > COMMIT_DELAY_MS:
        wrong.append(Alarm(f"Finished steps wait {found.commit_delay_ms} ms for their commit.", "commits-slow.md"))
    return wrong


def _sessions(found: Figures) -> list[Figure]:
    return [
        Figure(
            status.label, str(found.by_status[status.value]), _list("board_session", f"status__exact={status.value}")
        )
        for status in Status
    ]


def _line(found: Figures) -> list[Figure]:
    cost = f"${found.cost_today:.2f}" + (f" + {found.unpriced_today} unknown" if found.unpriced_today else "")
    return [
        Figure(
            "First in line waits",
            _span(found.oldest_queued) if found.by_status["queued"] else "nobody in line",
            _list("board_session", "status__exact=queued"),
            found.oldest_queued > OLDEST_QUEUED,
        ),
        Figure("Held by nobody", str(found.expired_leases), _list("board_session", "status__exact=running"),
               found.expired_leases > 0),
        Figure("Longest without progress", _span(found.stalest), _list("board_session", "status__exact=running"),
               found.stalest > STALEST),
        Figure("Queue entries", str(found.queue_depth), _list("django_q_ormq"), found.queue_depth > QUEUE_DEPTH),
        Figure("Finish to commit, worst runner", f"{found.commit_delay_ms} ms", _list("board_runnerslot"),
               found.commit_delay_ms > COMMIT_DELAY_MS),
        Figure("Cost today", cost, reverse("admin:llm_llmcall_cost")),
        Figure("Calls today", str(found.calls_today), _list("llm_llmcall")),
    ]  # fmt: skip


def _connections(database: dict[str, Any]) -> list[Figure]:
    rows = [Figure("PostgreSQL, breaker", database["state"], bad=database["state"] != "closed")]
    if pool := database.get("pool"):
        rows.append(Figure("Pool of this process", f"{pool['in_use']} of {pool['size']} in use"))
        rows.append(Figure("Requests waiting for it", str(pool["waiting"]), bad=pool["waiting"] > 0))
    shown = redis.link().shown()
    rows.append(Figure("Redis", shown["state"], bad=redis.is_down()))
    if redis.is_down():
        rows.append(Figure("Redis, next attempt", f"in {shown['next_attempt_in']:.0f} s"))
    return rows


def _list(name: str, query: str = "") -> str:
    return reverse(f"admin:{name}_changelist") + (f"?{query}" if query else "")


def _span(seconds: float) -> str:
    """``4 s`` or ``0:12:31``."""
    return f"{seconds:.0f} s" if seconds < 120 else str(timedelta(seconds=round(seconds)))
