"""The list of decisions."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from llm import ledger
from sessions.cleaning import storable
from sessions.models import Memo, Session, Status
from sessions.room.build import Cost
from sessions.room.progress import place
from sessions.stream.credentials import may_oversee

PER_PAGE = 20
#: The filters, in the words of the page.
GROUPS: dict[str, tuple[str, tuple[Status, ...]]] = {
    "open": ("In progress", (Status.QUEUED, Status.RUNNING)),
    "yours": ("Waiting for you", (Status.CREATED, Status.WAITING, Status.PAUSED)),
    "done": ("Completed", (Status.COMPLETED,)),
    "ended": ("Failed or stopped", (Status.FAILED, Status.KILLED)),
}


@dataclass(frozen=True, slots=True)
class Row:
    session: Session
    words: str
    recommendation: str
    cost: Cost


@require_safe
@login_required
@cache_control(private=True, no_cache=True)
def index(request: HttpRequest) -> HttpResponse:
    everyone = request.user.is_staff and request.GET.get("owner") == "all"
    oversees = everyone and may_oversee(request.user)
    query = storable(request.GET.get("q", "")).strip()[:200]
    group = request.GET.get("state", "")
    sessions = Session.objects.visible_to(request.user)
    if not everyone:
        sessions = sessions.filter(owner_id=request.user.pk)
    found = _narrow(sessions, query, group)
    page = Paginator(found.select_related("owner"), PER_PAGE).get_page(request.GET.get("page"))
    rows = _rows(list(page.object_list))
    context: dict[str, Any] = {
        "rows": rows,
        "page": page,
        "query": query,
        "group": group if group in GROUPS else "",
        "groups": {key: label for key, (label, _) in GROUPS.items()},
        "everyone": everyone,
        "narrowed": bool(query or group in GROUPS),
        "moving": any(row.session.status in (Status.QUEUED, Status.RUNNING) for row in rows),
        "rest": _rest(request),
        "live": {"url": reverse("api:operations-stream" if oversees else "api:overview-stream")},
    }
    template = "board/_rows.html" if request.GET.get("fragment") else "board/list.html"
    return render(request, template, context)


def _narrow(sessions: QuerySet[Session], query: str, group: str) -> QuerySet[Session]:
    if query:
        sessions = sessions.filter(Q(title__icontains=query) | Q(problem_statement__icontains=query))
    if group in GROUPS:
        sessions = sessions.filter(status__in=GROUPS[group][1])
    return sessions


def _rows(sessions: list[Session]) -> list[Row]:
    ids = [session.pk for session in sessions]
    costs = ledger.costs_of(ids)
    memos = dict(
        Memo.objects.filter(session_id__in=ids, superseded=False)
        .order_by("id")
        .values_list("session_id", "recommendation")
    )
    return [
        Row(
            session,
            place(session) if session.phase and session.status != Status.COMPLETED else "",
            memos.get(session.pk, ""),
            Cost(costs[session.pk], session.cost_cap),
        )
        for session in sessions
    ]


def _rest(request: HttpRequest) -> str:
    """The query string without page and fragment, for the links of the pager."""
    kept = request.GET.copy()
    kept.pop("page", None)
    kept.pop("fragment", None)
    return f"{kept.urlencode()}&" if kept else ""
