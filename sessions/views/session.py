"""The room of one session, its report and its exports."""

import uuid
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from sessions import export
from sessions.forms import review_form
from sessions.models import Document, Session, Status
from sessions.personas import history
from sessions.personas.catalogue import Persona
from sessions.prompts.sections import LONGEST_DOCUMENTS, shares
from sessions.room import build
from sessions.room.branches import left_behind
from sessions.views.access import may_control, readable


@require_safe
@login_required
@cache_control(private=True, no_cache=True)
def room(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The full page, or with ``?fragment=1`` only its region, for the page to take over."""
    return show(request, readable(request, pk), fragment=bool(request.GET.get("fragment")))


def show(
    request: HttpRequest, session: Session, *, fragment: bool = False, status: int = 200, **more: Any
) -> HttpResponse:
    """The room; ``more`` is what a refused form needs to show what was typed and why it was refused."""
    shown = build(session)
    context: dict[str, Any] = {
        "room": shown,
        "session": session,
        "may_control": may_control(request.user, session),
        "remark_key": uuid.uuid4(),
        **more,
    }
    if shown.story.review and session.status == Status.WAITING:
        context |= {"review": review_form(shown.story.review, more.get("typed")), "experts": experts(session)}
    if fragment:
        return render(request, "board/room/_regions.html", context, status=status)
    context["still"] = still = bool(request.GET.get("still")) or bool(more)
    context["reloads"] = not (session.is_over or still or session.status == Status.WAITING)
    context["live"] = {
        "url": reverse("api:session-stream", args=[session.pk]),
        "eventsUrl": reverse("api:session-events", args=[session.pk]),
        "fragmentUrl": reverse("board:session", args=[session.pk]) + "?fragment=1",
        "lastId": shown.sequence,
        "over": session.is_over,
    }
    return render(request, "board/session.html", context, status=status)


def experts(session: Session) -> list[Persona]:
    """Whom an owner may ask onto the board, by name."""
    people = history.at(session.catalogue_revision or 0).values()
    return sorted((who for who in people if not who.retired), key=lambda who: who.name)


@require_safe
@login_required
@cache_control(private=True, no_cache=True)
def report(request: HttpRequest, pk: UUID) -> HttpResponse:
    session = readable(request, pk)
    return render(request, "board/report.html", {"room": build(session), "session": session})


@require_safe
@login_required
@cache_control(private=True, no_cache=True)
def left(request: HttpRequest, pk: UUID) -> HttpResponse:
    """SE3: a branch that a retry from an older step has left: ``?branch=1`` is the first one, without it the newest."""
    session = readable(request, pk)
    branches = left_behind(session)
    asked = request.GET.get("branch", "") or str(len(branches))
    for branch in branches:
        if str(branch.number) == asked:
            return render(request, "board/left.html", {"session": session, "branch": branch, "branches": branches})
    raise Http404("This decision has no such branch.")


@require_safe
@login_required
@cache_control(private=True, no_cache=True)
def document(request: HttpRequest, pk: UUID, position: int) -> HttpResponse:
    """The text of an attached document, escaped, and how much of it the board sees."""
    session = readable(request, pk)
    attached = list(Document.objects.filter(session=session).defer("text"))
    room = shares([one.characters for one in attached], LONGEST_DOCUMENTS)
    for one, shown in zip(attached, room, strict=True):
        if one.position == position:
            return render(request, "board/document.html", {"session": session, "document": one, "shown": shown})
    raise Http404("This decision has no such document.")


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
