from django.contrib import admin

from sessions.admin.base import ReadOnlyAdmin
from sessions.models import Evaluation, Trial


@admin.register(Evaluation)
class EvaluationAdmin(ReadOnlyAdmin):
    list_display = ("name", "suite", "created_at")
    list_filter = ("created_at",)
    heavy = ("conditions",)
    session_column = ""
    text_columns = ("=name", "=suite")
    search_help_text = "Name or suite, in full"
    ordering = ("-id",)


@admin.register(Trial)
class TrialAdmin(ReadOnlyAdmin):
    list_display = ("id", "case", "mode", "of_evaluation", "session_id", "answered_at")
    list_filter = ("mode", "answered_at")
    list_select_related = ("evaluation",)
    heavy = ("answer", "marks")
    text_columns = ("=case", "=evaluation__name")
    search_help_text = "Case, evaluation or session's id, in full"
    ordering = ("-id",)

    @admin.display(description="evaluation")
    def of_evaluation(self, trial: Trial) -> str:
        return str(trial.evaluation)
