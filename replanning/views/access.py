"""Who may read a plan; what is not theirs does not exist for them."""

from uuid import UUID

from django.http import Http404, HttpRequest

from replanning.models import Action, Project, Replan

_NOTHING = "There is no such plan among yours."


def project_for(request: HttpRequest, pk: UUID) -> Project:
    try:
        return Project.objects.visible_to(request.user).get(pk=pk)
    except Project.DoesNotExist:
        raise Http404(_NOTHING) from None


def action_for(request: HttpRequest, pk: UUID) -> Action:
    rows = Action.objects.select_related("project", "session", "replaces", "replan_session")
    try:
        return rows.get(pk=pk, project__in=Project.objects.visible_to(request.user))
    except Action.DoesNotExist:
        raise Http404(_NOTHING) from None


def replan_for(request: HttpRequest, pk: UUID) -> Replan:
    rows = Replan.objects.select_related("action", "action__project", "session")
    try:
        return rows.get(pk=pk, action__project__in=Project.objects.visible_to(request.user))
    except Replan.DoesNotExist:
        raise Http404(_NOTHING) from None
