from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import QuerySet
from django.db.models.functions import Length
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.safestring import SafeString

from sessions.admin.base import ReadOnlyAdmin, as_uuid, link
from sessions.admin.session_operations import CONTROL
from sessions.models import Checkpoint, CheckpointBlob, CheckpointWrite


class OfThread(ReadOnlyAdmin):
    """A row of a graph's thread; its ``thread_id`` is the session's id as text."""

    session_column = "thread_id"
    search_help_text = "Session id, in full"
    ordering = ("-id",)

    @admin.display(description="session", ordering="thread_id")
    def of_session(self, row: Any) -> SafeString | str:
        return link("board_session_change", row.thread_id, row.thread_id) if as_uuid(row.thread_id) else row.thread_id


class OfChannel(OfThread):
    """A value of a channel. Its bytes stay where they are; a list shows how many there are."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request).defer("blob").annotate(length=Length("blob"))
        return rows

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*super().get_fields(request, obj), "size"]

    @admin.display(description="size")
    def size(self, row: Any) -> str:
        return "empty" if row.length is None else filesizeformat(row.length)


class SourceFilter(admin.SimpleListFilter):
    """By LangGraph's own names: asking the table for its distinct sources would read all of it."""

    title = "source"
    parameter_name = "source"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in ("input", "loop", "update", "fork")]

    def queryset(self, request: Any, queryset: Any) -> Any:
        return queryset.filter(source=self.value()) if self.value() else queryset


@admin.register(Checkpoint)
class CheckpointAdmin(OfThread):
    list_display = ("id", "of_session", "step", "source", "checkpoint_id", "branch", "writes", "retry", "created_at")
    list_filter = (SourceFilter, "superseded")
    heavy = ("body", "metadata")

    def get_list_display(self, request: HttpRequest) -> Any:
        columns = super().get_list_display(request)
        return [name for name in columns if name != "retry" or request.user.has_perm(CONTROL)]

    @admin.display(description="branch")
    def branch(self, row: Checkpoint) -> str:
        return "superseded" if row.superseded else "live"

    @admin.display(description="pending writes")
    def writes(self, row: Checkpoint) -> SafeString:
        return link("board_checkpointwrite_changelist", "show", query=f"checkpoint_id__exact={row.checkpoint_id}")

    @admin.display(description="retry")
    def retry(self, row: Checkpoint) -> SafeString | str:
        """The session's own page links the newest steps only; the first rounds of a long debate are here."""
        if row.superseded or row.source == "input" or not as_uuid(row.thread_id):
            return ""
        query = urlencode({"checkpoint": row.checkpoint_id})
        return link("board_session_operation", "from here …", row.thread_id, "retry-from-here", query=query)


@admin.register(CheckpointBlob)
class CheckpointBlobAdmin(OfChannel):
    list_display = ("id", "of_session", "channel", "version", "type", "size")


@admin.register(CheckpointWrite)
class CheckpointWriteAdmin(OfChannel):
    list_display = ("id", "of_session", "checkpoint_id", "task_id", "idx", "channel", "type", "size")
