"""Buttons of the room that change a session's course."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from sessions.services.start import start
from sessions.transitions import IllegalTransition
from sessions.views.access import controllable


@require_POST
@login_required
def start_draft(request: HttpRequest, pk: UUID) -> HttpResponse:
    session = controllable(request, pk)
    try:
        start(session, actor=request.user)
    except IllegalTransition as problem:
        messages.warning(request, str(problem))
    return redirect("board:session", pk=pk)
