"""What all views of plans have in common."""

from typing import Any
from uuid import UUID

from replanning.errors import Forbidden, PlanError
from replanning.models import Action, Project, Replan
from replanning.services.accept import NothingAccepted
from sessions.api.base import BoardView
from sessions.api.problems import FieldError, Problem


class PlanView(BoardView):
    def handle_exception(self, exc: Exception) -> Any:
        return super().handle_exception(problem_of(exc) if isinstance(exc, PlanError) else exc)

    def readable_project(self, pk: UUID) -> Project:
        """The project, when the caller may read it; otherwise it does not exist for them."""
        found = Project.objects.visible_to(self.request.user).filter(pk=pk).first()
        if found is None:
            raise Problem("not_found", "There is no such project, or you may not read it.")
        return found

    def readable_action(self, pk: UUID) -> Action:
        rows = Action.objects.filter(project__in=Project.objects.visible_to(self.request.user))
        found = rows.select_related("project").filter(pk=pk).first()
        if found is None:
            raise Problem("not_found", "There is no such action, or you may not read it.")
        return found

    def readable_replan(self, pk: UUID) -> Replan:
        rows = Replan.objects.filter(action__project__in=Project.objects.visible_to(self.request.user))
        found = rows.select_related("action").filter(pk=pk).first()
        if found is None:
            raise Problem("not_found", "There is no such replan, or you may not read it.")
        return found


def problem_of(error: PlanError) -> Problem:
    """What a refusal of a service is over HTTP; each bad row and field is listed."""
    if isinstance(error, Forbidden):
        return Problem("forbidden", str(error), hint="Ask the owner of the project, or staff with the permission.")
    faults: list[FieldError] = []
    if isinstance(error, NothingAccepted):
        faults = [FieldError(field=f"actions.{row.index}", code=row.code, detail=row.message) for row in error.rejected]
    elif error.field:
        faults = [FieldError(field=error.field, code=error.code, detail=str(error))]
    return Problem(error.code, str(error), errors=faults)
