from django.contrib import admin
from django.urls import URLPattern, path

from sessions.admin import operations_page, runbook
from sessions.admin.base import ReadOnlyAdmin
from sessions.models import RunnerSlot


@admin.register(RunnerSlot)
class RunnerSlotAdmin(ReadOnlyAdmin):
    list_display = ("host", "number", "owner", "lease_until", "started_at", "sessions", "capacity", "commit_delay_ms")
    session_column = ""
    text_columns = ("host", "owner")

    def get_urls(self) -> list[URLPattern]:
        operations = self.admin_site.admin_view(operations_page.page)
        manual = self.admin_site.admin_view(runbook.page)
        return [
            path("operations/", operations, name="board_operations"),
            path("operations/runbooks/<slug:name>/", manual, name="board_runbook"),
            *super().get_urls(),
        ]
