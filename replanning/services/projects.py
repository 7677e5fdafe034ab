"""Projects: open, change, link with a session."""

from typing import Any
from uuid import UUID

from django.db import transaction

from replanning import texts
from replanning.errors import PlanError
from replanning.models import LinkKind, Project, ProjectSession, ProjectStatus
from replanning.services.access import locked_project
from replanning.services.retrying import retried
from sessions.models import Session
from sessions.services.audit import record


@retried
def create(owner: Any, title: str, description: str = "", *, actor: Any = None) -> Project:
    """An empty, active project. Raises ``PlanError`` for texts out of bounds."""
    with transaction.atomic():
        project = Project.objects.create(
            owner_id=owner.pk,
            title=texts.checked(title, "title", texts.MAX_TITLE, required=True),
            description=texts.checked(description, "description", texts.MAX_PROSE),
        )
        record(actor or owner, "create_project", project, after={"title": project.title})
    return project


@retried
def edit(project_id: UUID, changes: dict[str, str], *, actor: Any, reason: str = "") -> Project:
    """Change ``title``, ``description`` or ``status``. An archived project comes back by becoming active."""
    with transaction.atomic():
        project = locked_project(project_id, actor, archived=set(changes) == {"status"})
        before, after = {}, {}
        for name, value in changes.items():
            new = _checked(name, value)
            if getattr(project, name) != new:
                before[name], after[name] = getattr(project, name), new
                setattr(project, name, new)
        if after:
            project.save(update_fields=[*after, "updated_at"])
            record(actor, "edit_project", project, reason=reason, before=before, after=after)
    return project


def _checked(name: str, value: str) -> str:
    if name == "title":
        return texts.checked(value, name, texts.MAX_TITLE, required=True)
    if name == "description":
        return texts.checked(value, name, texts.MAX_PROSE)
    if name == "status" and value in ProjectStatus.values:
        return value
    raise PlanError("invalid_choice", f"“{value}” is none of: {', '.join(ProjectStatus.values)}.", field=name)


@retried
def link(project_id: UUID, session_id: UUID, *, actor: Any, kind: LinkKind = LinkKind.DISCUSSES) -> ProjectSession:
    """Say that a session has to do with the project; a link that exists already is kept as it is."""
    with transaction.atomic():
        project = locked_project(project_id, actor)
        session = Session.objects.visible_to(actor).filter(pk=session_id).first()
        if session is None:
            raise PlanError("unknown_session", "There is no such session, or you may not read it.", field="session")
        found, fresh = ProjectSession.objects.get_or_create(project=project, session=session, defaults={"kind": kind})
        if fresh:
            record(actor, "link_session", project, after={"session": str(session.pk), "kind": kind.value})
    return found
