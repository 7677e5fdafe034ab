"""Bringing a new decision."""

import hashlib
import json
import uuid
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods

from sessions.documents.attachment import LARGEST, LARGEST_TOTAL, MOST
from sessions.example import EXAMPLE
from sessions.forms import DecisionForm, blank_values, decision_of, values_of
from sessions.models import IdempotencyKey, Session
from sessions.services.start import MAX_CONTEXT, MAX_PROBLEM, Decision, create, start
from sessions.views.access import readable

SCOPE = "page:new"


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@cache_control(private=True, no_cache=True)
def new(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        earlier = _earlier(request, request.GET.get("from", ""))
        return _page(request, DecisionForm(initial=_initial(request, earlier), earlier=earlier))
    earlier = _earlier(request, request.POST.get("earlier", ""))
    form = DecisionForm(request.POST, request.FILES, earlier=earlier)
    if not form.is_valid():
        return _page(request, form, status=422)
    session, same = bring(request.user, form.cleaned_data["key"], form.decision)
    if same:
        return redirect("board:session", pk=session.pk)
    # The form was sent once, changed, and sent again: nothing is lost, and nothing happens unasked.
    again = request.POST.copy()
    again["key"] = str(uuid.uuid4())
    return _page(request, DecisionForm(again, earlier=earlier), status=409, already=session)


def bring(owner: Any, key: UUID, decision: Decision) -> tuple[Session, bool]:
    """Create and start a session, once for each ``key`` of ``owner``.

    Returns the session that the key stands for, and whether ``decision`` is the one it was used with. Two requests
    at the same time meet at the key's unique constraint: the second waits for the first and gets its session.
    """
    digest = hashlib.sha256(json.dumps(asdict(decision), default=str, sort_keys=True).encode()).hexdigest()
    with transaction.atomic():
        used, fresh = IdempotencyKey.objects.get_or_create(
            user_id=owner.pk, scope=SCOPE, key=str(key), defaults={"digest": digest}
        )
        if not fresh:
            return Session.objects.get(pk=used.body["session"]), used.digest == digest
        session = start(create(owner, decision), actor=owner)
        used.status, used.body = 302, {"session": str(session.pk)}
        used.save(update_fields=["status", "body"])
    return session, True


def _earlier(request: HttpRequest, named: str) -> Session | None:
    """The decision that the form was begun from, if its reader may see it; a 404 if not."""
    try:
        return readable(request, UUID(named))
    except ValueError:
        return None


def _initial(request: HttpRequest, earlier: Session | None) -> dict[str, Any]:
    values = blank_values()
    if request.GET.get("example"):
        return values | values_of(EXAMPLE)
    if earlier is None:
        return values
    return (
        values
        | values_of(decision_of(earlier))
        | {
            "documents_kept": [one.position for one in earlier.documents.all()],
            "max_rounds": earlier.max_rounds,
            "cost_cap": earlier.cost_cap,
            "experts_picked": earlier.experts_picked,
            "experts_vetoed": earlier.experts_vetoed,
        }
    )


def _page(
    request: HttpRequest, form: DecisionForm, *, status: int = 200, already: Session | None = None
) -> HttpResponse:
    context = {
        "form": form,
        "already": already,
        "sent_files": bool(request.FILES),
        "example": values_of(EXAMPLE),
        "limits": {
            "problem": MAX_PROBLEM,
            "context": MAX_CONTEXT,
            "documents": MOST,
            "document": LARGEST,
            "total": LARGEST_TOTAL,
        },
        "offline": settings.OFFLINE,
    }
    return render(request, "board/new.html", context, status=status)
