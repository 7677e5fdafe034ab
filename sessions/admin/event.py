from typing import Any

from django.contrib import admin

from sessions import event_types
from sessions.admin.base import OfSession
from sessions.admin.wording import gist
from sessions.models import Event


class TypeFilter(admin.SimpleListFilter):
    """By the names in code: asking the table for its distinct types would read all of it."""

    title = "type"
    parameter_name = "type"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name.replace("_", " ")) for name in sorted(event_types.SCHEMAS)]

    def queryset(self, request: Any, queryset: Any) -> Any:
        return queryset.filter(type=self.value()) if self.value() else queryset


@admin.register(Event)
class EventAdmin(OfSession):
    list_display = ("id", "of_session", "sequence", "type", "what", "branch", "when")
    list_filter = (TypeFilter, "created_at")
    ordering = ("-id",)

    @admin.display(description="what happened")
    def what(self, event: Event) -> str:
        return gist(event.data)
