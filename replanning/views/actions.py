"""One action: what it is, what it waits for, what happened to it, and the way back to the board."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_POST

from replanning.board import days_late
from replanning.errors import PlanError
from replanning.forms import ActionChangeForm, ReasonForm, TieForm
from replanning.history import of_action
from replanning.models import Action, ActionDependency, Kind, Stage, State
from replanning.models.replan import OPEN
from replanning.services import actions, dependencies, offer, plan
from replanning.services import replan as replanning
from replanning.services.access import may_change
from replanning.states import CLOSED, REPLANNABLE, TRANSITIONS
from replanning.views.access import action_for, replan_for

#: What pressing a state's button means, in the words of the button.
VERBS = {
    State.TODO: "Put back",
    State.IN_PROGRESS: "Start",
    State.IN_REVIEW: "Ask for review",
    State.BLOCKED: "Block",
    State.DONE: "Done",
    State.CANCELLED: "Cancel it",
    State.FAILED: "It failed",
    State.ABANDONED: "Give it up",
}
#: What is held cannot be brought into these, so nobody is offered to try.
_STARTS = (State.TODO, State.IN_PROGRESS)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@cache_control(private=True, no_cache=True)
def action(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The page; a POST changes the fields. With ``?fragment=1`` only what a replan changes."""
    found = action_for(request, pk)
    form = _form(found, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            actions.edit(pk, _changed(form, found), actor=request.user)
        except PlanError as error:
            form.refuse(error.field, str(error))
        else:
            messages.success(request, "Saved.")
            return redirect("plan:action", pk=pk)
    context = _context(request, found) | {"form": form}
    template = "replanning/_replan.html" if request.GET.get("fragment") else "replanning/action.html"
    return render(request, template, context, status=422 if form.errors else 200)


def _form(found: Action, data: Any) -> ActionChangeForm:
    form = ActionChangeForm(data, initial={name: getattr(found, name) for name in ActionChangeForm.base_fields})
    if found.status in CLOSED:
        for name in ("start_on", "due_on", "progress"):
            form.fields[name].disabled = True
    return form


def _changed(form: ActionChangeForm, found: Action) -> dict[str, Any]:
    return {name: value for name, value in form.cleaned_data.items() if value != getattr(found, name)}


def _context(request: HttpRequest, found: Action) -> dict[str, Any]:
    state = State(found.status)
    current = found.replans.filter(stage__in=OPEN).select_related("session").first()
    return {
        "action": found,
        "moves": [(s, VERBS[s]) for s in VERBS if s in TRANSITIONS[state] and not (found.held and s in _STARTS)],
        "holders": plan.holders(found) if found.held else [],
        "late": days_late(found),
        "may_change": may_change(request.user, found.project),
        "replan": current,
        "past_replans": found.replans.exclude(stage__in=OPEN).select_related("session"),
        "replannable": state in REPLANNABLE and current is None,
        "live": current is not None and current.stage == Stage.LIVE,
        "reason_form": ReasonForm(auto_id="replan_%s", label="What else the board should know"),
        "move_form": ReasonForm(auto_id="move_%s"),
        "tie_form": TieForm(action=found),
        "waits_for": found.dependencies.select_related("predecessor"),
        "waited_for_by": found.dependants.select_related("action"),
        "replacements": found.replacements.order_by("position"),
        "history": of_action(found),
    }


@require_POST
@login_required
def move(request: HttpRequest, pk: UUID) -> HttpResponse:
    action_for(request, pk)
    wanted, reason = request.POST.get("status", ""), request.POST.get("reason", "")

    def work() -> str:
        if wanted not in State.values:
            raise PlanError("invalid_choice", "There is no such state.")
        moved = actions.move(pk, State(wanted), actor=request.user, reason=reason)
        return f"The action is {moved.get_status_display().lower()}."

    return _then(request, pk, work)


@require_POST
@login_required
def tie(request: HttpRequest, pk: UUID) -> HttpResponse:
    form = TieForm(request.POST, action=action_for(request, pk))

    def work() -> str:
        if not form.is_valid():
            raise PlanError("invalid_input", "Choose an action of this project, and a lag in whole days.")
        given = form.cleaned_data
        dependencies.tie(pk, given["predecessor"].pk, actor=request.user, kind=Kind(given["kind"]), lag=given["lag"])
        return f"It now depends on “{given['predecessor'].title}”."

    return _then(request, pk, work)


@require_POST
@login_required
def untie(request: HttpRequest, pk: UUID, number: int) -> HttpResponse:
    found = action_for(request, pk)

    def work() -> str:
        if ActionDependency.objects.filter(pk=number, action=found).exists():
            dependencies.untie(number, actor=request.user)
        return "The dependency was removed."

    return _then(request, pk, work)


@require_POST
@login_required
def replan(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask the board; whoever presses while it is at work is led to the same session."""
    action_for(request, pk)

    def work() -> str:
        asked = replanning.replan(pk, actor=request.user, reason=request.POST.get("reason", ""))
        return "The board is replanning it." if asked.fresh else "The board is replanning it already."

    return _then(request, pk, work)


@require_POST
@login_required
def decline(request: HttpRequest, pk: UUID) -> HttpResponse:
    current = replan_for(request, pk)

    def work() -> str:
        offer.decline(pk, actor=request.user, reason=request.POST.get("reason", ""))
        return "The new plan was declined. The action can be replanned again."

    return _then(request, current.action_id, work)


def _then(request: HttpRequest, action_id: UUID, work: Callable[[], str]) -> HttpResponse:
    """Do it, say what came of it, and show the action."""
    try:
        messages.success(request, work())
    except PlanError as error:
        messages.error(request, str(error))
    return redirect("plan:action", pk=action_id)
