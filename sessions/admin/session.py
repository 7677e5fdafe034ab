from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from llm import ledger
from sessions.admin import story, wording
from sessions.admin.base import SESSION_TEXTS, as_uuid, link
from sessions.admin.operation import OperationAdmin
from sessions.admin.session_operations import CONTROL, OPERATIONS
from sessions.models import Document, Session, Status


class TroubleFilter(admin.SimpleListFilter):
    """What staff look for when an alert has fired."""

    title = "trouble"
    parameter_name = "trouble"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("lease", "running, lease expired"),
            ("recoverable", "failed, a retry can help"),
            ("final", "failed, a retry cannot help"),
            ("claims", "claimed again and again"),
        ]

    def queryset(self, request: Any, queryset: QuerySet[Session]) -> QuerySet[Session]:
        match self.value():
            case "lease":
                return queryset.filter(status=Status.RUNNING, lease_until__lt=Now())
            case "recoverable":
                return queryset.filter(status=Status.FAILED, failure__recoverable=True)
            case "final":
                return queryset.filter(status=Status.FAILED).exclude(failure__recoverable=True)
            case "claims":
                return queryset.filter(claims__gte=2).exclude(status__in=[Status.COMPLETED, Status.KILLED])
        return queryset


class CostedList(ChangeList):
    """Adds what each session of the page has cost: one query for all of them."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: list[Any] = list(self.result_list)
        costs = ledger.costs_of(row.pk for row in rows)
        for row in rows:
            row.spent = costs[row.pk]
        self.result_list = rows


@admin.register(Session)
class SessionAdmin(OperationAdmin):
    list_display = ("title", "state_", "phase", "round_", "owner", "cost", "age", "driver")
    list_filter = ("status", TroubleFilter, "phase", "created_at")
    list_select_related = ("owner",)
    date_hierarchy = "created_at"
    ordering = ("-id",)
    sortable_by = ()
    list_per_page = 25
    heavy = SESSION_TEXTS
    session_column = "id"
    text_columns = ("title", "problem_statement", "owner__username")
    search_help_text = "Id in full, or words of the title, the problem or the owner's name"
    operations = OPERATIONS
    change_form_template = "admin/session_story.html"
    fieldsets = (
        (
            "Where it stands",
            {"fields": ("id", "owner", "state_", "phase", "round_", "driver", "failure_", "last_sequence", "claims")},
        ),
        ("Money and time", {"fields": ("cost_", "cost_cap", "created_at", "queued_at", "started_at", "progressed_at",
                                       "finished_at", "deadline")}),
        ("The decision", {"fields": ("problem_statement", "context", "options_", "constraints_", "documents_",
                                     "experts_", "catalogue_revision"),
                          "classes": ["collapse"]}),
        ("For the curious", {"fields": ("graph_version", "fence", "requested", "requested_at", "requested_reason",
                                        "forked_from"), "classes": ["collapse"]}),
    )  # fmt: skip

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [name for _, section in self.fieldsets for name in section["fields"]]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CostedList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        words = search_term.split()
        if len(words) == 1 and as_uuid(words[0]):
            return queryset.filter(pk=UUID(words[0])), False
        for word in words[:10]:
            queryset = queryset.filter(
                Q(title__icontains=word) | Q(problem_statement__icontains=word) | Q(owner__username__icontains=word)
            )
        return queryset, False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        session = self.get_object(request, object_id) if as_uuid(object_id) else None
        extra = dict(extra_context or {})
        if session is not None and self.has_view_permission(request, session):
            extra |= {
                "story": story.of(session),
                "buttons": self.buttons(request, session),
                "may_retry": request.user.has_perm(CONTROL) and session.status in (Status.FAILED, Status.PAUSED),
            }
        return super().change_view(request, object_id, form_url, extra)

    def state(self, row: Session) -> str:
        return wording.badge(row.status)

    @admin.display(description="status", ordering="status")
    def state_(self, session: Session) -> SafeString:
        return wording.badge(session.status)

    @admin.display(description="round")
    def round_(self, session: Session) -> str:
        return f"{session.round} of {session.max_rounds}"

    @admin.display(description="age")
    def age(self, session: Session) -> SafeString | str:
        return wording.ago(session.created_at)

    @admin.display(description="driven by")
    def driver(self, session: Session) -> str:
        return wording.lease(session)

    @admin.display(description="cost")
    def cost(self, session: Any) -> str:
        return f"{wording.money(session.spent)} / {wording.cap(session.cost_cap)}"

    @admin.display(description="spent")
    def cost_(self, session: Session) -> str:
        return wording.money(ledger.cost_of(session.pk))

    @admin.display(description="failure")
    def failure_(self, session: Session) -> SafeString | str:
        return wording.failure(session.failure)

    @admin.display(description="options")
    def options_(self, session: Session) -> SafeString | str:
        return wording.listed(session.options)

    @admin.display(description="documents")
    def documents_(self, session: Session) -> SafeString | str:
        attached = Document.objects.filter(session=session).defer("text")
        parts = [
            (link("board_document_change", row.name, row.pk), f"{row.kind}, {row.size:,} bytes") for row in attached
        ]
        return format_html_join(SafeString("<br>"), "{} ({})", parts) if parts else "none"

    @admin.display(description="experts")
    def experts_(self, session: Session) -> str:
        wishes = (("wanted", session.experts_picked), ("left out", session.experts_vetoed))
        return "; ".join(f"{word}: {', '.join(slugs)}" for word, slugs in wishes if slugs) or "left to the board"

    @admin.display(description="constraints")
    def constraints_(self, session: Session) -> SafeString | str:
        return wording.listed(session.constraints)
