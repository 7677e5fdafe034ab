"""Who may change a plan, and the locks that changing it takes."""

from typing import Any
from uuid import UUID

from replanning.errors import Conflict, Forbidden, PlanError
from replanning.models import Action, Project, ProjectStatus, Replan

#: Who acts when nobody pressed anything.
SYSTEM = "system"


def may_change(actor: Any, project: Project) -> bool:
    """Its owner, staff with the permission, or the system itself."""
    if actor == SYSTEM:
        return True
    return bool(project.owner_id == actor.pk or (actor.is_staff and actor.has_perm("replanning.control_project")))


def require(actor: Any, project: Project, *, archived: bool = False) -> None:
    """Raise ``Forbidden``, or ``Conflict`` when the project is archived (unless ``archived`` is no obstacle)."""
    if actor == SYSTEM:
        return  # what follows from the end of a session follows in an archived project too
    if not may_change(actor, project):
        raise Forbidden("forbidden", "You may read this plan, but only its owner may change it.")
    if project.status == ProjectStatus.ARCHIVED and not archived:
        raise Conflict("project_archived", "The project is archived. Make it active again to change its plan.")


def locked_project(project_id: UUID | str, actor: Any, *, archived: bool = False) -> Project:
    """The project, locked: whoever changes what depends on what, or who is held, does so one at a time."""
    try:
        project = Project.objects.select_for_update(no_key=True).get(pk=project_id)
    except Project.DoesNotExist:
        raise PlanError("not_found", "There is no such project.") from None
    require(actor, project, archived=archived)
    return project


def locked_action(action_id: UUID | str, actor: Any, *, with_project: bool = True) -> Action:
    """The action, locked; its project too (and first), unless the change touches nothing but the action."""
    project_id = Action.objects.filter(pk=action_id).values_list("project_id", flat=True).first()
    if project_id is None:
        raise PlanError("not_found", "There is no such action.")
    if with_project:
        locked_project(project_id, actor)
    action = Action.objects.select_for_update(no_key=True, of=("self",)).select_related("project").get(pk=action_id)
    require(actor, action.project)
    return action


def locked_replan(replan_id: UUID | str, actor: Any) -> tuple[Replan, Action]:
    """A replan and its action, with project and action locked before it."""
    action_id = Replan.objects.filter(pk=replan_id).values_list("action_id", flat=True).first()
    if action_id is None:
        raise PlanError("not_found", "There is no such replan.")
    action = locked_action(action_id, actor)
    return Replan.objects.select_for_update(no_key=True).get(pk=replan_id), action
