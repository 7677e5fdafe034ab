from django.contrib import admin
from django.utils.timesince import timesince

from sessions.admin.base import OfSession
from sessions.models import Run


class OutcomeFilter(admin.SimpleListFilter):
    title = "outcome"
    parameter_name = "outcome"

    def lookups(self, request: object, model_admin: object) -> list[tuple[str, str]]:
        names = ("completed", "failed", "released", "waiting", "paused", "killed", "lost")
        return [("open", "not ended"), *((name, name) for name in names)]

    def queryset(self, request, queryset):  # type: ignore[no-untyped-def]
        if self.value() == "open":
            return queryset.filter(ended_at=None)
        return queryset.filter(outcome=self.value()) if self.value() else queryset


@admin.register(Run)
class RunAdmin(OfSession):
    list_display = ("id", "of_session", "fence", "worker", "started_at", "lasted", "outcome", "detail")
    list_filter = (OutcomeFilter, "started_at")
    ordering = ("-id",)

    @admin.display(description="lasted")
    def lasted(self, run: Run) -> str:
        return timesince(run.started_at, run.ended_at, depth=2) if run.ended_at else "not ended"
