"""After the board: record the decision taken and its outcome; see how well confidence has fitted outcomes."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_safe

from sessions import calibration_plot, track_record
from sessions.models import Memo, Resolution
from sessions.resolution_forms import DecisionTakenForm, OutcomeForm
from sessions.services import resolution
from sessions.services.access import NotAllowed
from sessions.views.access import may_control, readable


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@cache_control(private=True, no_cache=True)
def decision(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Both forms on one page; the button pressed (``what``) says which one is sent."""
    session = readable(request, pk)
    recorded = Resolution.objects.filter(session=session).first()
    what = request.POST.get("what", "")
    taken = DecisionTakenForm(request.POST if what == "decision" else None, recorded=recorded)
    turned_out = OutcomeForm(request.POST if what == "outcome" else None, recorded=recorded)
    form = {"decision": taken, "outcome": turned_out}.get(what)
    if form is not None and form.is_valid():
        verb = resolution.decide if what == "decision" else resolution.judge
        try:
            verb(session, request.user, **form.cleaned_data)
        except NotAllowed as refusal:
            raise PermissionDenied(str(refusal)) from None
        except resolution.CannotRecord as problem:
            form.refuse(problem.field, str(problem))
        else:
            messages.success(
                request, "Your decision is recorded." if what == "decision" else "The outcome is recorded."
            )
            return redirect("board:decision", pk=pk)
    context = {
        "session": session,
        "memo": Memo.objects.filter(session=session, superseded=False).last(),
        "recorded": recorded,
        "taken": taken,
        "turned_out": turned_out,
        "may_control": may_control(request.user, session),
    }
    return render(request, "board/decision.html", context, status=422 if form is not None else 200)


@require_safe
@login_required
@cache_control(private=True, no_cache=True)
def calibration(request: HttpRequest) -> HttpResponse:
    found = track_record.of(request.user)
    context = {
        "record": found,
        "found": found.calibration,
        "plot": calibration_plot.draw(found.calibration),
        "lean": _lean(found.calibration.gap),
    }
    return render(request, "board/calibration.html", context)


def _lean(gap: float | None) -> tuple[str, str]:
    """The gap as a figure and in words."""
    points = round(100 * (gap or 0.0))
    unit = "point" if abs(points) == 1 else "points"
    return f"{abs(points)} {unit}", "neither too sure nor too modest" if not points else (
        "too sure" if points > 0 else "too modest"
    )
