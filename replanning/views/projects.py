"""The list of projects, and one project: as a board, by date, as a list."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_POST

from replanning import board
from replanning.errors import PlanError
from replanning.forms import ActionForm, ProjectChangeForm, ProjectForm
from replanning.models import Action, Project, Replan, Stage, State
from replanning.services import actions, projects
from replanning.services.access import may_change
from replanning.timeline import bars
from replanning.views.access import project_for
from sessions.models import ActionProposal, Session, Status

PER_PAGE = 30
#: Completed sessions, and new plans, that are offered for acceptance.
MOST_OFFERS = 5


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@cache_control(private=True, no_cache=True)
def index(request: HttpRequest) -> HttpResponse:
    form = ProjectForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            project = projects.create(request.user, form.cleaned_data["title"], form.cleaned_data["description"])
        except PlanError as error:
            form.refuse(error.field, str(error))
        else:
            return redirect("plan:project", pk=project.pk)
    page = Paginator(Project.objects.filter(owner_id=request.user.pk), PER_PAGE).get_page(request.GET.get("page"))
    found = board.progress(page.object_list)
    context = {
        "page": page,
        "rows": [(project, found[project.pk]) for project in page.object_list],
        "offers": _to_accept(request.user),
        "new_plans": Replan.objects.filter(stage=Stage.OFFERED, action__project__owner_id=request.user.pk)
        .select_related("action", "session")
        .only("action__title", "session__finished_at")[:MOST_OFFERS],
        "form": form,
    }
    return render(request, "replanning/list.html", context, status=422 if form.errors else 200)


def _to_accept(user: Any) -> list[Session]:
    """The newest completed sessions of which nothing was accepted; what replans an action is offered there."""
    mine = Session.objects.filter(owner_id=user.pk, status=Status.COMPLETED, replans__isnull=True)
    proposed = ActionProposal.objects.filter(session=OuterRef("pk"), superseded=False)
    accepted = Action.objects.filter(session=OuterRef("pk"))
    return list(mine.filter(Exists(proposed)).exclude(Exists(accepted)).only("title", "finished_at")[:MOST_OFFERS])


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@cache_control(private=True, no_cache=True)
def project(request: HttpRequest, pk: UUID) -> HttpResponse:
    """``?view=board`` (default) or ``dates``; ``?state=`` lists one state in full."""
    found = project_for(request, pk)
    form = ActionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            action = actions.add(pk, form.cleaned_data, actor=request.user)
        except PlanError as error:
            form.refuse(error.field, str(error))
        else:
            messages.success(request, f"“{action.title}” was added.")
            return redirect("plan:project", pk=pk)
    context: dict[str, Any] = {
        "project": found,
        "form": form,
        "change_form": ProjectChangeForm(
            initial={name: getattr(found, name) for name in ProjectChangeForm.base_fields}, auto_id="project_%s"
        ),
        "links": found.links.select_related("session"),
        "may_change": may_change(request.user, found),
        "view": "dates" if request.GET.get("view") == "dates" else "board",
    }
    state = request.GET.get("state", "")
    if state in State.values or context["view"] == "dates":
        context |= _listed(request, found, State(state) if state in State.values else None)
    else:
        context["columns"] = columns = board.columns(found)
        context["any_action"] = any(column.count for column in columns)
    return render(request, "replanning/project.html", context, status=422 if form.errors else 200)


def _listed(request: HttpRequest, found: Project, state: State | None) -> dict[str, Any]:
    rows = found.actions.defer("what", "success", "kill")
    if state is not None:
        rows = rows.filter(status=state)
    order = ("start_on", "due_on", "position", "pk") if request.GET.get("view") == "dates" else ("position", "pk")
    page = Paginator(rows.order_by(*order), board.PER_PAGE).get_page(request.GET.get("page"))
    shown = board.cards(page.object_list)
    return {"page": page, "cards": shown, "state": state, "bars": bars((c.action for c in shown), timezone.localdate())}


@require_POST
@login_required
def status(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Change its status, and its title and description where they are sent along."""
    found = project_for(request, pk)
    given = {name: request.POST[name] for name in ProjectChangeForm.base_fields if name in request.POST}
    changes = {name: value for name, value in given.items() if value.replace("\r\n", "\n") != getattr(found, name)}
    try:
        changed = projects.edit(pk, changes, actor=request.user)
    except PlanError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Saved. The project is {changed.get_status_display().lower()}.")
    return redirect("plan:project", pk=pk)
