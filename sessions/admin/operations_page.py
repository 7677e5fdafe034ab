"""The page to open first at three in the morning: what is broken, who is affected, where to look (MO1).

Every figure leads to the rows behind it, every alarm to those it is about and to its runbook. The page reads and
changes nothing. ``sessions.admin.live`` pushes what changes to whoever has it open.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from bo1site import parts
from bo1site.resilience import redis
from sessions import event_latency, figures
from sessions.admin import runbook
from sessions.figures import Figures
from sessions.models import Status

#: From here on a figure is an alarm (seconds, milliseconds, US dollars); docs/alerts.yml uses the same bounds.
OLDEST_QUEUED, STALEST, COMMIT_DELAY_MS, COST_TODAY = 60.0, 300.0, 500, 100
#: Entries that a queue holds at most while workers keep up.
QUEUE_DEPTH = 100
#: Seconds between two refreshes in the browser.
REFRESH = 3


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that needs a person, at once or in the morning.

    ``runbook`` is a file of docs/runbooks, ``link`` leads to the rows it is about.
    """

    words: str
    runbook: str
    link: str = ""
    urgent: bool = True

    @property
    def manual(self) -> str:
        return runbook.address(self.runbook)


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
    if request.GET.get("fragment") == "1":
        response = HttpResponse(fragment())
    else:
        context = {**content(), **admin.site.each_context(request), "title": "Operations", "refresh": REFRESH}
        response = TemplateResponse(request, "admin/operations.html", context)
    response["Cache-Control"] = "no-store"
    return response


def fragment() -> str:
    """What changes, as HTML; the same for everybody who may see it."""
    return render_to_string("admin/_operations.html", content())


def content() -> dict[str, Any]:
    """The template's context. Works without the database, and then says so."""
    database, found = parts.postgresql(), None
    try:
        found = figures.read()
        failures, errors = figures.failures(), figures.call_errors()
    except DatabaseError as error:
        database["reason"] = database["reason"] or str(error)
        failures, errors = [], []
    return {
        "now": timezone.now(),
        "alarms": alarms(found, database),
        "sessions": _sessions(found) if found else [],
        "line": _line(found) if found else [],
        "connections": _connections(database),
        "figures": found,
        "failures": [
            (code, count, newest, recoverable, _list("board_session", status__exact="failed", failure__code=code))
            for code, count, newest, recoverable in failures
        ],
        "call_errors": [
            (
                provider,
                code,
                count,
                newest,
                _list("llm_llmcall", status__exact="failed", provider__exact=provider, error_code__exact=code),
            )
            for provider, code, count, newest in errors
        ],
    }


def alarms(found: Figures | None, database: dict[str, Any]) -> list[Alarm]:
    """What is wrong now, worst first; ``found`` is None while the database cannot be read."""
    wrong = []
    if found is None or database["state"] != "closed":
        words = "PostgreSQL does not answer. Nothing can be started; open streams wait and lose nothing."
        wrong.append(Alarm(words, "postgresql-down.md", reverse("health-detail")))
    pool = database.get("pool")
    if pool and pool["in_use"] + pool["waiting"] >= settings.SHED_UTILISATION * pool["size"]:
        words = "The pool of this web process is full; new work is turned away."
        wrong.append(Alarm(words, "pool-exhausted.md", reverse("health-detail")))
    if redis.is_down():
        slow = event_latency.is_slow()
        words = "Redis is down and events are written slowly." if slow else "Redis is down; PostgreSQL does its part."
        manual = "redis-down-events-slow.md" if slow else "redis-down.md"
        wrong.append(Alarm(words, manual, reverse("health-detail"), urgent=slow))
    return sorted(wrong + (_of_figures(found) if found else []), key=lambda alarm: not alarm.urgent)


def _of_figures(found: Figures) -> list[Alarm]:
    wrong = []
    running = {"status__exact": "running"}
    if open_ := [entry.provider for entry in found.breakers if entry.phase != "closed"]:
        everybody = len(open_) == len(found.breakers) > 1
        words = "No provider can be asked." if everybody else "Calls go elsewhere."
        words = f"Breaker open: {', '.join(open_)}. {words}"
        wrong.append(Alarm(words, "provider-down.md", _list("llm_breaker"), urgent=everybody))
    if found.expired_leases:
        words = f"Running sessions that nobody holds: {found.expired_leases}."
        wrong.append(Alarm(words, "leases-expired.md", _list("board_session", trouble="lease")))
    if found.oldest_queued > OLDEST_QUEUED:
        words = f"The first of {found.by_status['queued']} in line waits for {_span(found.oldest_queued)}."
        nobody = not any(slot.lease_left > 0 for slot in found.slots)
        words += " No runner is awake." if nobody else ""
        wrong.append(Alarm(words, "queue-stuck.md", _list("board_session", status__exact="queued"), urgent=nobody))
    if found.stalest > STALEST:
        words = f"A session is without progress for {_span(found.stalest)}."
        wrong.append(Alarm(words, "session-stuck.md", _list("board_session", **running), urgent=False))
    if found.commit_delay_ms > COMMIT_DELAY_MS:
        words = f"Finished steps wait {found.commit_delay_ms} ms for their commit."
        wrong.append(Alarm(words, "commits-slow.md", _list("board_runnerslot"), urgent=False))
    if found.unpriced_today:
        words = f"Calls of unknown cost today: {found.unpriced_today}. Totals and caps are too low by them."
        wrong.append(Alarm(words, "unpriced-calls.md", _today(cost__isnull="True"), urgent=False))
    if found.cost_today > COST_TODAY:
        words = f"Today has cost ${found.cost_today:.2f} so far, more than ${COST_TODAY}."
        wrong.append(Alarm(words, "cost-high.md", f"{reverse('admin:llm_llmcall_cost')}?by=session_id&days=1", False))
    return wrong


def _sessions(found: Figures) -> list[Figure]:
    return [
        Figure(status.label, str(found.by_status[status.value]), _list("board_session", status__exact=status.value))
        for status in Status
    ]


def _line(found: Figures) -> list[Figure]:
    return [
        Figure(
            "First in line waits",
            _span(found.oldest_queued) if found.by_status["queued"] else "nobody in line",
            _list("board_session", status__exact="queued"),
            found.oldest_queued > OLDEST_QUEUED,
        ),
        Figure("Held by nobody", str(found.expired_leases), _list("board_session", trouble="lease"),
               found.expired_leases > 0),
        Figure("Longest without progress", _span(found.stalest) if found.by_status["running"] else "nobody runs",
               _list("board_session", status__exact="running"), found.stalest > STALEST),
        Figure("Queue entries", str(found.queue_depth), _list("django_q_ormq"), found.queue_depth > QUEUE_DEPTH),
        Figure("Finish to commit, worst runner", f"{found.commit_delay_ms} ms", _list("board_runnerslot"),
               found.commit_delay_ms > COMMIT_DELAY_MS),
        Figure("Cost today", f"${found.cost_today:.2f}", f"{reverse('admin:llm_llmcall_cost')}?days=1",
               found.cost_today > COST_TODAY),
        Figure("Calls today", str(found.calls_today), _today()),
        Figure("Of unknown cost", str(found.unpriced_today), _today(cost__isnull="True"), found.unpriced_today > 0),
    ]  # fmt: skip


def _connections(database: dict[str, Any]) -> list[Figure]:
    detail = reverse("health-detail")
    words = database["state"] + (f", asked again in {database['retry_in']:.0f} s" if database["retry_in"] else "")
    rows = [Figure("PostgreSQL, breaker", words, detail, database["state"] != "closed")]
    if pool := database.get("pool"):
        rows.append(Figure("Pool, in use", f"{pool['in_use']} of {pool['size']}", detail))
        rows.append(Figure("Requests waiting for it", str(pool["waiting"]), detail, pool["waiting"] > 0))
    shown = redis.link().shown()
    rows.append(Figure("Redis", shown["state"], detail, redis.is_down()))
    if redis.is_down():
        rows.append(Figure("Redis, next attempt", f"in {shown['next_attempt_in']:.0f} s", detail))
    return rows


def _list(name: str, **query: str) -> str:
    return reverse(f"admin:{name}_changelist") + (f"?{urlencode(query)}" if query else "")


def _today(**query: str) -> str:
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)  # UTC, as the database counts
    return _list("llm_llmcall", started_at__gte=midnight.isoformat(), **query)


def _span(seconds: float) -> str:
    """``4 s``, ``12 min`` or ``3 h 5 min``."""
    minutes = round(seconds / 60)
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
