"""Read what the board proposes, change it, accept it: after a session, and after a replan."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods

from replanning.errors import PlanError
from replanning.forms import ProposalForm, TargetForm
from replanning.models import Action, Priority, Stage
from replanning.services import offer
from replanning.services.accept import Item, NothingAccepted, Report, accept, proposals_of
from replanning.views.access import replan_for
from sessions.models import Session, Status
from sessions.views.access import readable


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@cache_control(private=True, no_cache=True)
def session(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The proposals of a completed session, to go into a project."""
    found = readable(request, pk)
    made = Action.objects.filter(session=found, proposal__isnull=False).select_related("project")
    target = TargetForm(request.POST or None, owner=found.owner, initial={"title": found.title})

    def work(items: list[Item]) -> Report:
        if not target.is_valid():
            raise PlanError("invalid_input", "Choose one of your projects, or a title for a new one.")
        chosen = target.cleaned_data["project"]
        title = target.cleaned_data["title"]
        return accept(pk, actor=request.user, items=items, project_id=chosen and chosen.pk, title=title)

    context = {"session": found, "target": target, "made": made, "ready": found.status == Status.COMPLETED}
    return _page(request, found, set(made.values_list("proposal_id", flat=True)), context, work)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@cache_control(private=True, no_cache=True)
def replan(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The plan on offer for an action, to take its place."""
    current = replan_for(request, pk)
    if current.stage != Stage.OFFERED or current.session is None:
        return redirect("plan:action", pk=current.action_id)

    def work(items: list[Item]) -> Report:
        return offer.accept_plan(pk, actor=request.user, items=items)

    return _page(request, current.session, set(), {"session": current.session, "replan": current, "ready": True}, work)


def _page(
    request: HttpRequest,
    found: Session,
    taken: set[int | None],
    context: dict[str, Any],
    work: Callable[[list[Item]], Report],
) -> HttpResponse:
    forms = [
        ProposalForm(request.POST or None, proposal=row, initial=_initial(row))
        for row in proposals_of(found.pk)
        if row.pk not in taken
    ]
    problem = ""
    if request.method == "POST":
        answer = _accepted(request, forms, work)
        if not isinstance(answer, str):
            return answer
        problem = answer
    context |= {"forms": forms, "problem": problem}
    return render(request, "replanning/accept.html", context, status=422 if problem else 200)


def _accepted(
    request: HttpRequest, forms: Sequence[ProposalForm], work: Callable[[list[Item]], Report]
) -> HttpResponse | str:
    """A redirect to the project, or why the page has to be shown again."""
    if [form for form in forms if not form.is_valid()]:
        return "Some fields cannot be read. Please correct them."
    chosen = [form for form in forms if form.cleaned_data["take"]]
    if not chosen:
        return "Choose at least one action."
    try:
        report = work([Item(form.proposal.pk, form.changes()) for form in chosen])
    except NothingAccepted as error:
        for row in error.rejected:
            chosen[row.index].add_error(None, row.message)
        return str(error)
    except PlanError as error:
        return str(error)
    _tell(request, report)
    return redirect("plan:project", pk=report.project.pk)


def _tell(request: HttpRequest, report: Report) -> None:
    if report.accepted:
        count = len(report.accepted)
        messages.success(request, f"{count} action{'' if count == 1 else 's'} accepted.")
    for row in report.rejected:
        messages.warning(request, f"Not accepted: “{row.title}”. {row.message}")
    if report.already and not report.accepted:
        messages.info(request, "These actions had been accepted before.")


def _initial(row: Any) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in ("title", "what", "owner", "success", "kill")}
    priority = row.priority if row.priority in Priority.values else Priority.MEDIUM
    return values | {"priority": priority, "due_on": timezone.localdate() + timedelta(days=row.due_in_days)}
