"""The catalogue of personas: the newest versions first, every older one behind them, edits through operations alone."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods

from sessions.admin.operation import OperationAdmin
from sessions.admin.persona_operations import ADD, OPERATIONS
from sessions.admin.wording import ago
from sessions.models import PersonaVersion


class VersionFilter(admin.SimpleListFilter):
    """The catalogue as it is, unless somebody asks for its history."""

    title = "version"
    parameter_name = "versions"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        return [("all", "every version")]

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        yield {**first, "display": "newest of each"}
        yield from others

    def queryset(self, request: Any, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset if self.value() == "all" else queryset.filter(newest=True)


@admin.register(PersonaVersion)
class PersonaVersionAdmin(OperationAdmin):
    list_display = ("name", "method", "temperament", "version", "state_", "origin", "author", "when")
    list_filter = (VersionFilter, "retired", "temperament", "origin")
    ordering = ("name", "-id")
    sortable_by = ("name", "method", "temperament", "version")
    list_per_page = 100
    session_column = ""
    text_columns = ("slug", "name", "method", "reasons")
    search_help_text = "Words of the name, the method or the instructions"
    heavy = ("reasons", "domains", "blind_spot", "reason")
    operations = OPERATIONS
    change_list_template = "admin/personas.html"
    change_form_template = "admin/persona.html"
    fieldsets = (
        ("Who it is", {"fields": ("slug", "name", "method", "temperament", "domains_")}),
        ("What it is told", {"fields": ("reasons", "blind_spot")}),
        ("This version", {"fields": ("version", "state_", "origin", "author", "reason", "created_at")}),
    )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [name for _, section in self.fieldsets for name in section["fields"]]

    def get_search_fields(self, request: HttpRequest) -> Any:
        return self.text_columns

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        later = PersonaVersion.objects.filter(slug=OuterRef("slug"), pk__gt=OuterRef("pk"))
        rows: QuerySet[Any] = super().get_queryset(request).annotate(newest=~Exists(later))
        return rows

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(self.new_view))
        return [path("new/", view, name="board_personaversion_new"), *super().get_urls()]

    def new_view(self, request: HttpRequest) -> HttpResponse:
        """A new persona: as an operation, but on no row."""
        if not (self.has_view_permission(request) and request.user.has_perm(ADD.permission)):
            raise PermissionDenied
        form = ADD.form(request.POST if request.method == "POST" else None)
        back = reverse("admin:board_personaversion_changelist")
        if request.method == "POST" and form.is_valid():
            try:
                row: Any = ADD.service(None, request.user, form.cleaned_data)
            except ADD.refusals as refused:
                form.add_error(None, f"Nothing was changed. {refused}")
            else:
                self.message_user(request, f"“{row}” was {ADD.done}.", messages.SUCCESS)
                return redirect("admin:board_personaversion_change", row.pk)
        return self._confirmation(request, ADD, [], form, back)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        extra = {**(extra_context or {}), "may_edit": request.user.has_perm(ADD.permission)}
        return super().changelist_view(request, extra)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        extra = dict(extra_context or {})
        row = self.get_object(request, object_id)
        if row is not None and self.has_view_permission(request, row):
            extra |= {
                "versions": PersonaVersion.objects.filter(slug=row.slug).defer(*self.heavy[:-1]).order_by("-pk"),
                "buttons": self.buttons(request, row),
            }
        return super().change_view(request, object_id, form_url, extra)

    def state(self, row: Any) -> str:
        words = "retired" if row.retired else "in the catalogue"
        return words if row.newest else f"an older version ({words})"

    @admin.display(description="state")
    def state_(self, row: Any) -> str:
        return self.state(row)

    @admin.display(description="domains")
    def domains_(self, row: PersonaVersion) -> str:
        return ", ".join(row.domains)

    @admin.display(description="when", ordering="id")
    def when(self, row: PersonaVersion) -> SafeString | str:
        return ago(row.created_at)
