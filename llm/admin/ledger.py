"""The ledger with its totals, the cost report, and the journal."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.http import urlencode

from llm.admin.base import COUNTED, ReadOnlyAdmin
from llm.models import Answer, LLMCall

#: What the cost report can group by, and how far back it can look (days).
GROUPS = {"day": "Day", "model": "Model", "provider": "Provider", "session_id": "Session", "node": "Step"}
SPANS = (1, 7, 30, 90)
_MOST_ROWS = 200
_UNKNOWN = Q(cost__isnull=True) & ~Q(status=LLMCall.Status.STARTED)
_SUMS: dict[str, Any] = {
    "calls": Count("pk"),
    "failed": Count("pk", filter=Q(status=LLMCall.Status.FAILED)),
    "known_cost": Sum("cost"),
    "unknown": Count("pk", filter=_UNKNOWN),
    "prompt_tokens": Sum("input_tokens") + Sum("cache_read_tokens") + Sum("cache_write_tokens"),
    "output_tokens": Sum("output_tokens"),
}


@admin.register(LLMCall)
class LLMCallAdmin(ReadOnlyAdmin):
    change_list_template = "admin/llm/llmcall/change_list.html"
    list_display = (
        "id",
        "started_at",
        "status",
        "error_code",
        "cost_text",
        "model",
        "node",
        "persona",
        "attempt",
        "latency",
        "tokens",
    )
    list_filter = ("status", "provider", "tier", "offline", "error_code", "model")
    search_fields = ("=session_id", "=task_id", "=correlation_id")
    search_help_text = "Session id, task id or correlation id, in full"
    date_hierarchy = "started_at"

    @admin.display(description="Tokens in / out")
    def tokens(self, call: LLMCall) -> str:
        prompt = call.input_tokens + call.cache_read_tokens + call.cache_write_tokens
        return f"{prompt:,} / {call.output_tokens:,}"

    @admin.display(description="Cost", ordering="cost")
    def cost_text(self, call: LLMCall) -> str:
        if call.offline:
            return "offline demo"
        if call.status == LLMCall.Status.STARTED:
            return "running"
        return money(call.cost)

    @admin.display(description="Latency", ordering="latency_ms")
    def latency(self, call: LLMCall) -> str:
        return "" if call.latency_ms is None else f"{call.latency_ms / 1000:.2f} s"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None)
        if context and "cl" in context:
            context["totals"] = totals(context["cl"].queryset)
            context["counted"] = COUNTED
        return response

    def get_urls(self) -> list[URLPattern]:
        report = self.admin_site.admin_view(self.cost_report)
        return [path("cost/", report, name="llm_llmcall_cost"), *super().get_urls()]

    def cost_report(self, request: HttpRequest) -> HttpResponse:
        """Cost by day, model, provider, session or step over the last days."""
        if not self.has_view_permission(request):
            return self.admin_site.login(request)
        by = request.GET.get("by", "day")
        by = by if by in GROUPS else "day"
        days = int(request.GET.get("days", "7")) if request.GET.get("days", "7").isdigit() else 7
        days = days if days in SPANS else 7
        context = {
            **self.admin_site.each_context(request),
            "title": "Cost of language models",
            "opts": self.model._meta,
            "by": by,
            "days": days,
            "groups": GROUPS,
            "spans": SPANS,
            "label": GROUPS[by],
            "rows": cost_rows(by, days),
            "total": since(days).aggregate(**_SUMS),
            "most": _MOST_ROWS,
        }
        return TemplateResponse(request, "admin/llm/llmcall/cost.html", context)


def money(cost: Decimal | None) -> str:
    return "unknown" if cost is None else f"${cost:,.4f}"


def totals(rows: QuerySet[Any]) -> dict[str, Any]:
    """Sums over the newest rows of a filtered list, at most as many as are counted."""
    newest = LLMCall.objects.filter(pk__in=rows.order_by("-pk").values("pk")[:COUNTED]).order_by()
    return newest.aggregate(**_SUMS)


def cost_rows(by: str, days: int) -> list[dict[str, Any]]:
    """Sums for each group since ``days`` days ago; the dearest first, days in order. ``query`` finds a group's calls in
    the list, as far as they were in these days or not."""
    rows: Any = since(days)
    if by == "day":
        rows = rows.annotate(day=TruncDate("started_at"))
    order = F("day").desc() if by == "day" else F("known_cost").desc(nulls_last=True)
    grouped = rows.values(by).annotate(**_SUMS).order_by(order)
    return [{"group": row[by], "query": _query(by, row[by]), **row} for row in grouped[:_MOST_ROWS]]


def since(days: int) -> QuerySet[LLMCall]:
    return LLMCall.objects.filter(started_at__gte=timezone.now() - timedelta(days=days)).order_by()


def _query(by: str, group: Any) -> str:
    """The filter of the ledger's list that shows a group, empty when there is none."""
    if group in (None, ""):
        return ""
    if by == "day":
        day = {"started_at__year": group.year, "started_at__month": group.month, "started_at__day": group.day}
        return urlencode(day)
    if by == "session_id":
        return urlencode({"q": group})
    return urlencode({by: group}) if by in ("model", "provider") else ""


@admin.register(Answer)
class AnswerAdmin(ReadOnlyAdmin):
    list_display = ("id", "created_at", "session_id", "provider", "model", "cost")
    list_filter = ("provider", "offline")
    search_fields = ("=session_id",)
    search_help_text = "Session id, in full"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        match = request.resolver_match
        return rows.defer("value") if match and (match.url_name or "").endswith("_changelist") else rows
