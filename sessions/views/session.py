"""The room of one session, its report and its exports."""

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from sessions import export
from sessions.event_types import SCHEMAS, TERMINAL
from sessions.models import Session, Status
from sessions.room import build
from sessions.views.access import may_control, readable


@require_safe
@login_required
@cache_control(private=True, no_cache=True)
def room(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The full page, or with ``?fragment=1`` only its regions, for the page to swap in."""
    session = readable(request, pk)
    context: dict[str, Any] = {
        "room": build(session),
        "session": session,
        "may_control": may_control(request.user, session),
        "still": bool(request.GET.get("still")),
    }
    if request.GET.get("fragment"):
        return render(request, "board/room/_regions.html", context)
    context["live"] = {
        "url": stream_url(session),
        "lastId": context["room"].sequence,
        "types": sorted([*SCHEMAS, "gap_detected"]),
        "terminal": sorted(TERMINAL),
        "over": session.is_over,
    }
    context["reloads"] = not session.is_over and not context["still"] and session.status != Status.WAITING
    return render(request, "board/session.html", context)


@require_safe
@login_required
@cache_control(private=True, no_cache=True)
def report(request: HttpRequest, pk: UUID) -> HttpResponse:
    session = readable(request, pk)
    return render(request, "board/report.html", {"room": build(session), "session": session})


@require_safe
@login_required
@cache_control(private=True, no_cache=True)
def download(request: HttpRequest, pk: UUID, kind: str) -> HttpResponse:
    """``kind`` is ``md`` or ``json``."""
    session = readable(request, pk)
    response: HttpResponse
    if kind == "md":
        response = HttpResponse(export.markdown(session), content_type="text/markdown; charset=utf-8")
    else:
        response = JsonResponse(export.as_json(session), json_dumps_params={"ensure_ascii": False, "indent": 2})
    response["Content-Disposition"] = f'attachment; filename="{export.filename(session)}.{kind}"'
    return response


def stream_url(session: Session) -> str:
    try:
        return reverse("api:session-stream", args=[session.pk])
    except NoReverseMatch:
        return f"/api/v1/sessions/{session.pk}/stream"
