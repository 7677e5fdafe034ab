"""The tables of plans. The words are those of docs/replanning.md."""

from replanning.models.action import Action, Priority, State
from replanning.models.dependency import ActionDependency, Kind
from replanning.models.project import LinkKind, Project, ProjectSession, ProjectStatus
from replanning.models.replan import Replan, Stage

__all__ = [
    "Action",
    "ActionDependency",
    "Kind",
    "LinkKind",
    "Priority",
    "Project",
    "ProjectSession",
    "ProjectStatus",
    "Replan",
    "Stage",
    "State",
]
