"""Buttons of the room that change a session's course. Each calls one service, and says what came of it."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from sessions.forms import changes_of
from sessions.models import Session
from sessions.services import control, recovery
from sessions.services import review as reviewing
from sessions.services import start as starting
from sessions.services.access import NotAllowed, require
from sessions.services.start import InvalidDecision
from sessions.transitions import IllegalTransition
from sessions.views.access import readable
from sessions.views.session import show

REASON_LENGTH = 500


def _press(request: HttpRequest, pk: UUID, verb: Callable[[Session], object], done: str) -> HttpResponse:
    """Do ``verb`` on a session that the reader may see, and go back to its room with a message."""
    session = readable(request, pk)
    try:
        require(request.user, session)
        verb(session)
    except NotAllowed as refusal:
        raise PermissionDenied(str(refusal)) from None
    except (IllegalTransition, recovery.CannotResume) as problem:
        messages.warning(request, str(problem))
    else:
        messages.success(request, done)
    return redirect("board:session", pk=pk)


@require_POST
@login_required
def start(request: HttpRequest, pk: UUID) -> HttpResponse:
    return _press(request, pk, lambda session: starting.start(session, actor=request.user), "It is in line.")


@require_POST
@login_required
def pause(request: HttpRequest, pk: UUID) -> HttpResponse:
    done = "The board rests as soon as the step it is at is done and stored."
    return _press(request, pk, lambda session: control.pause(session, request.user, _reason(request)), done)


@require_POST
@login_required
def resume(request: HttpRequest, pk: UUID) -> HttpResponse:
    return _press(request, pk, lambda session: control.resume(session, request.user), "The board goes on.")


@require_POST
@login_required
def stop(request: HttpRequest, pk: UUID) -> HttpResponse:
    done = "The deliberation is stopped. What was said is kept."
    return _press(request, pk, lambda session: control.kill(session, request.user, _reason(request)), done)


@require_POST
@login_required
def retry(request: HttpRequest, pk: UUID) -> HttpResponse:
    """SE3: carry on after the last finished step, so that nothing is paid again; with ``checkpoint`` go back to it."""
    checkpoint = request.POST.get("checkpoint", "")[:64]
    reuse = not request.POST.get("afresh")
    return _press(
        request,
        pk,
        lambda session: recovery.resume_session_from_checkpoint(
            session.pk, checkpoint or None, actor=request.user, reuse_answers=reuse
        ),
        "The board goes back and debates from there. What was said later is kept beside it."
        if checkpoint
        else "The board goes on from where it was. What was paid is not paid again.",
    )


@require_POST
@login_required
def raise_cap(request: HttpRequest, pk: UUID) -> HttpResponse:
    """LM7: a higher cap and the retry that it allows, both or neither."""

    def verb(session: Session) -> None:
        with transaction.atomic():
            cap = _dollars(request.POST.get("cap", ""), session)
            control.raise_cap(session, request.user, cap, "raised to continue")
            recovery.resume_session_from_checkpoint(session.pk, actor=request.user)

    try:
        return _press(request, pk, verb, "The cap is raised and the board goes on. What was paid is not paid again.")
    except control.InvalidWord as problem:
        messages.error(request, str(problem))
        return redirect("board:session", pk=pk)


def _dollars(text: str, session: Session) -> Decimal:
    try:
        cap = Decimal(text.strip().lstrip("$").replace(",", ""))
    except InvalidOperation:
        cap = Decimal("NaN")
    if not cap.is_finite() or cap <= (session.cost_cap or 0):
        raise control.InvalidWord(
            "cap_too_low", f"Give the new cap as a number of dollars above {session.cost_cap or 0:f}, such as 7.50."
        )
    return cap


@require_POST
@login_required
def interject(request: HttpRequest, pk: UUID) -> HttpResponse:
    said = request.POST.get("text", "")
    key = request.POST.get("key", "")[:40]
    try:
        return _press(
            request,
            pk,
            lambda session: control.interject(session, request.user, said, key),
            "Said. The board hears it from its next step on.",
        )
    except control.InvalidWord as problem:
        return show(request, readable(request, pk), status=422, said=said, said_problem=problem)


@require_POST
@login_required
def answer(request: HttpRequest, pk: UUID) -> HttpResponse:
    given = request.POST.getlist("answer")
    asked = request.POST.get("question", "")[:64]
    try:
        return _press(
            request,
            pk,
            lambda session: control.answer(session, request.user, given, asked),
            "Thank you. The board goes on with your answers.",
        )
    except control.InvalidWord as problem:
        return show(request, readable(request, pk), status=422, given=given, given_problem=problem)


@require_POST
@login_required
def review(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Say yes to the frame and the board, with what the owner has changed in the form."""
    try:
        return _press(
            request,
            pk,
            lambda session: reviewing.review(
                session, request.user, changes_of(request.POST), request.POST.get("review", "")[:64]
            ),
            "The board begins.",
        )
    except InvalidDecision as problem:
        return show(request, readable(request, pk), status=422, typed=request.POST, review_problem=problem)


def _reason(request: HttpRequest) -> str:
    return request.POST.get("reason", "").strip()[:REASON_LENGTH]
