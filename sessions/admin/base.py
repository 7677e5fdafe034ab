"""What all lists and pages of the board's tables have in common: history is read, never written."""

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.db.models import JSONField, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import SimpleTemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from bo1site.resilience import replica
from sessions.admin.counting import BoundedPaginator
from sessions.admin.wording import ago

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

#: Letters of a JSON value that a page shows.
MAX_JSON = 50_000


class ReadOnlyAdmin(ModelAdmin):
    """No row is added, changed or deleted by hand, not even by a superuser. Nothing here counts a large table."""

    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator
    list_per_page = 50
    list_max_show_all = 200
    actions: Any = None
    #: A large table is only ever read along its key.
    sortable_by: ClassVar[Any] = ("id",)
    #: Columns that a list never shows and so never loads.
    heavy: ClassVar[Sequence[str]] = ()
    #: The column by which a row belongs to a session, if it does; searched when somebody enters a session's id.
    session_column: ClassVar[str] = "session_id"
    #: Columns searched for other words. Only for tables that stay small: it reads every row.
    text_columns: ClassVar[Sequence[str]] = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        match = request.resolver_match
        return rows.defer(*self.heavy) if match and (match.url_name or "").endswith("_changelist") else rows

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By the session's id where one is given: exact, so that an index answers."""
        term = search_term.strip()
        if not term:
            return queryset, False
        identifier = as_uuid(term)
        if identifier is not None and self.session_column:
            value = str(identifier) if self.session_column == "thread_id" else identifier
            return queryset.filter(**{self.session_column: value}), False
        if not self.text_columns:
            return queryset.none(), False
        return super().get_search_results(request, queryset, term)

    def get_search_fields(self, request: HttpRequest) -> Any:
        return self.text_columns or [f"={self.session_column}"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Every column, JSON laid out for reading."""
        return [
            _shown(field) for field in self.model._meta.concrete_fields if field.get_internal_type() != "BinaryField"
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.get_fields(request, obj)


def _shown(field: Any) -> str | Callable[[Any], Any]:
    if not isinstance(field, JSONField):
        return str(field.name)

    @admin.display(description=str(field.verbose_name))
    def laid_out(row: Any) -> SafeString:
        return pretty(getattr(row, field.attname))

    laid_out.__name__ = field.name
    return laid_out


def pretty(value: Any) -> SafeString:
    """JSON for people, escaped, and cut where it gets too long for a page."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    cut = f"\n… {len(text) - MAX_JSON:,} more characters" if len(text) > MAX_JSON else ""
    return format_html('<pre class="json">{}{}</pre>', text[:MAX_JSON], cut)


def as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def link(to: str, label: Any, *args: Any, query: str = "") -> SafeString:
    """A link to an admin page by its name, such as ``board_session_change``."""
    return format_html('<a href="{}{}">{}</a>', reverse(f"admin:{to}", args=args), f"?{query}" if query else "", label)


class OfSession(ReadOnlyAdmin):
    """A row that hangs on a session."""

    list_select_related: ClassVar[Any] = ("session",)
    search_help_text = "Session id, in full"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        match = request.resolver_match
        rows = super().get_queryset(request)
        if match and (match.url_name or "").endswith("_changelist"):
            rows = rows.defer(*self.heavy, *(f"session__{name}" for name in SESSION_TEXTS))
        return rows

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """A list of history may be a moment old, so a replica may answer (DB6)."""
        if request.method != "GET":
            return super().changelist_view(request, extra_context)

        def listed() -> HttpResponse:
            response = super(OfSession, self).changelist_view(request, extra_context)
            return response.render() if isinstance(response, SimpleTemplateResponse) else response

        return replica.read(listed)

    @admin.display(description="session", ordering="session_id")
    def of_session(self, row: Any) -> SafeString:
        return link("board_session_change", Truncator(row.session.title).chars(48), row.session_id)

    @admin.display(description="when", ordering="id")
    def when(self, row: Any) -> SafeString | str:
        return ago(row.created_at)

    @admin.display(description="branch")
    def branch(self, row: Any) -> str:
        """Whether a retry from an older step has left the row behind."""
        return "superseded" if row.superseded else "live"


#: The long columns of a session, which no list shows.
SESSION_TEXTS = ("problem_statement", "context", "options", "constraints", "failure")

__all__ = ["MAX_JSON", "SESSION_TEXTS", "OfSession", "ReadOnlyAdmin", "as_uuid", "link", "pretty"]
