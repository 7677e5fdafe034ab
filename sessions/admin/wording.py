"""Statuses, times and money as staff read them: in words, never by colour alone."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from llm.ledger import CostSummary
from sessions.models import Session, Status

#: A mark beside the word: it tells statuses apart where colours do not.
_MARKS = {
    Status.CREATED: "○",
    Status.QUEUED: "…",
    Status.RUNNING: "▶",
    Status.WAITING: "?",
    Status.PAUSED: "‖",
    Status.COMPLETED: "✓",
    Status.FAILED: "!",
    Status.KILLED: "■",
}
_WORDS = {Status.WAITING: "Waiting"}


def badge(status: str) -> SafeString:
    kind = Status(status)
    return format_html(
        '<span class="badge badge-{}"><span aria-hidden="true">{}</span> {}</span>',
        kind.value,
        _MARKS[kind],
        _WORDS.get(kind, kind.label),
    )


def ago(moment: datetime | None) -> SafeString | str:
    """How long ago, with the exact time at hand."""
    if moment is None:
        return "–"
    now = timezone.now()
    if abs((now - moment).total_seconds()) < 60:
        words = "just now"
    else:
        words = f"{timesince(moment, now, depth=1)} ago" if moment <= now else f"in {timesince(now, moment, depth=1)}"
    exact = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', exact.isoformat(), f"{exact:%Y-%m-%d %H:%M:%S %Z}", words
    )


def money(cost: CostSummary) -> str:
    """What is known, and how much is not: unknown is never zero."""
    if not cost.calls:
        return "no calls"
    unknown = cost.unknown_calls + cost.open_calls
    return f"${cost.known:.4f}" + (f" + {unknown} unknown" if unknown else "")


def cap(value: Decimal | None) -> str:
    return "no cap" if value is None else f"${value.normalize():f}"


def lease(session: Session) -> str:
    """Who drives the session, and how fresh that is."""
    if not session.lease_owner or session.lease_until is None:
        return "–"
    left = (session.lease_until - timezone.now()).total_seconds()
    return f"{session.lease_owner}, " + (f"{left:.0f} s left" if left >= 0 else f"expired {-left:.0f} s ago")


#: Where an event says in a line what happened, best first.
_GISTS = ("message", "claim", "recommendation", "summary", "text", "title", "question", "phase", "reason", "kind")


def gist(data: Any, longest: int = 160) -> str:
    """An event in one line."""
    if not isinstance(data, dict):
        return ""
    parts = [str(data["name"])] if data.get("name") else []
    if data.get("round"):
        parts.append(f"round {data['round']}")
    words = next((str(data[name]) for name in _GISTS if data.get(name)), "")
    line = " ".join((": ".join([", ".join(parts), words]) if parts and words else ", ".join(parts) or words).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def failure(found: Any) -> SafeString | str:
    """A session's failure: what, where, and whether a retry can help."""
    if not isinstance(found, dict):
        return "none"
    help_ = "a retry can help" if found.get("recoverable") else "a retry cannot help"
    where = f", at {found['node']}" if found.get("node") else ""
    text = format_html("<strong>{}</strong> {} ({}{})", found.get("code", ""), found.get("message", ""), help_, where)
    if found.get("detail"):
        text += format_html('<pre class="json">{}</pre>', str(found["detail"])[:20_000])
    return text


def listed(items: Any) -> SafeString | str:
    if not isinstance(items, list) or not items:
        return "none"
    return format_html("<ul>{}</ul>", format_html_join("", "<li>{}</li>", ((str(item),) for item in items)))
