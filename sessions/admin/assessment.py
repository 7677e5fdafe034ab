from django.contrib import admin

from sessions.admin.base import OfSession
from sessions.models import Assessment


@admin.register(Assessment)
class AssessmentAdmin(OfSession):
    list_display = (
        "id", "of_session", "sub_problem", "round", "convergence", "novelty", "conflict", "decision", "reason",
        "branch", "when",
    )  # fmt: skip
    list_filter = ("superseded",)
    heavy = ("summary", "open_questions", "guidance")
    ordering = ("-id",)
