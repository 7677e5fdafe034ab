from typing import Any, ClassVar

from django.contrib import admin

from replanning.errors import PlanError
from replanning.models import Action
from replanning.services import repair
from sessions.admin.operation import Operation, OperationAdmin


class NothingToRepair(PlanError):
    def __init__(self) -> None:
        super().__init__("nothing_to_repair", "Nothing is wrong with its replans.")


def _preview(action: Action) -> str:
    found = repair.preview(action_id=action.pk)
    return " ".join(f"{finding.says} {finding.remedy}" for finding in found) or "Nothing is wrong, nothing will change."


def _repair(action: Action, actor: Any, data: dict[str, Any]) -> object:
    report = repair.repair(actor=actor, reason=data["reason"], action_id=action.pk)
    if not report:
        raise NothingToRepair
    if failed := [one.error for one in report if one.error]:
        raise PlanError("repair_failed", f"The repair failed: {failed[0]}")
    return report


@admin.register(Action)
class ActionAdmin(OperationAdmin):
    """Repair of its replans is an operation: the confirmation page says what would be done."""

    list_display = ("title", "status", "held", "priority", "owner", "due_on", "project", "replan_session")
    list_filter = ("status", "held", "priority")
    list_select_related = ("project", "replan_session")
    ordering = ("-id",)
    heavy = ("what", "success", "kill")
    session_column = "id"
    text_columns = ("title", "project__title")
    search_help_text = "Id in full, or words of the title or the project"
    operations: ClassVar = (
        Operation(
            label="Repair replans",
            done="repaired",
            permission="replanning.repair_project",
            consequence=_preview,
            service=_repair,
            refusals=(PlanError,),
        ),
    )

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        return lookup == "project__id__exact" or super().lookup_allowed(lookup, value, request)

    def state(self, row: Action) -> str:
        return row.get_status_display()
