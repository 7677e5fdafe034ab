from typing import Any

from django.contrib import admin
from django.utils.safestring import SafeString

from sessions.admin.base import ReadOnlyAdmin, link
from sessions.models import AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "actor", "action", "what", "reason")
    date_hierarchy = "created_at"
    heavy = ("before", "after")
    session_column = "object_id"
    text_columns = ("actor", "action", "object_id")
    search_help_text = "Actor, action, or the id of a session"

    @admin.display(description="object")
    def what(self, entry: AuditEntry) -> SafeString | str:
        words = f"{entry.object_type} {entry.object_id}"
        if entry.object_type == "session":
            return link("board_session_change", words, entry.object_id)
        return words

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> Any:
        return admin.ModelAdmin.get_search_results(self, request, queryset, search_term)
