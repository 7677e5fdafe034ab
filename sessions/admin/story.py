"""A session as staff read it at three in the morning: what happened, who drove it, what it cost. All of it bounded."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from llm import ledger
from llm.models import LLMCall
from sessions.admin.wording import gist
from sessions.models import AuditEntry, Checkpoint, Event, Run, Session
from sessions.services.places import places

#: Rows of each table on the page; the link beside it leads to the rest.
EVENTS, OTHERS = 40, 15


@dataclass(frozen=True, slots=True)
class Chapter:
    """The newest rows of one table, and the list with all of them."""

    title: str
    rows: list[Any]
    more: bool
    everything: str


def of(session: Session) -> dict[str, Any]:
    """The template context of the page: one query a table, none of which reads more rows than it shows (plus one)."""
    key = str(session.pk)
    events = _chapter(
        "Timeline",
        Event.objects.filter(session_id=session.pk).order_by("-sequence"),
        EVENTS,
        f"board_event_changelist?session__id__exact={key}",
    )
    for event in events.rows:
        event.gist = gist(event.data)
    checkpoints = _chapter(
        "Checkpoints",
        Checkpoint.objects.filter(thread_id=key).defer("metadata").order_by("-checkpoint_id"),
        OTHERS,
        f"board_checkpoint_changelist?q={key}",
    )
    for row, at in zip(checkpoints.rows, places(key, checkpoints.rows), strict=True):
        row.at = at
    return {
        "session": session,
        "cost": ledger.cost_of(session.pk),
        "timeline": events,
        "runs": _chapter(
            "Runs",
            Run.objects.filter(session_id=session.pk).order_by("-fence"),
            OTHERS,
            f"board_run_changelist?session__id__exact={key}",
        ),
        "checkpoints": checkpoints,
        "calls": _chapter(
            "Calls",
            LLMCall.objects.filter(session_id=session.pk).order_by("-id"),
            EVENTS,
            f"llm_llmcall_changelist?q={key}",
        ),
        "audit": _chapter(
            "Audit trail",
            AuditEntry.objects.filter(object_type="session", object_id=key).order_by("-id"),
            OTHERS,
            f"board_auditentry_changelist?q={key}",
        ),
    }


def _chapter(title: str, rows: Any, most: int, everything: str) -> Chapter:
    found = list(rows[: most + 1])
    name, _, query = everything.partition("?")
    return Chapter(title, found[:most], len(found) > most, f"{reverse(f'admin:{name}')}?{query}")
