"""The ledger and the journal in the admin. History: nobody adds, changes or deletes it there."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from llm.models import Answer, LLMCall


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # ModelAdmin is not generic at run time
    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(LLMCall)
class LLMCallAdmin(ReadOnlyAdmin):
    list_display = (
        "id", "started_at", "status", "provider", "model", "node", "persona", "attempt", "tokens", "cost_text",
        "latency", "error_code",
    )  # fmt: skip
    list_filter = ("status", "provider", "tier", "offline", "error_code", "model")
    search_fields = ("=session_id", "task_id")
    search_help_text = "Session id or task id, in full"
    date_hierarchy = "started_at"

    @admin.display(description="Tokens in / out")
    def tokens(self, call: LLMCall) -> str:
        prompt = call.input_tokens + call.cache_read_tokens + call.cache_write_tokens
        return f"{prompt:,} / {call.output_tokens:,}"

    @admin.display(description="Cost", ordering="cost")
    def cost_text(self, call: LLMCall) -> str:
        if call.offline:
            return "offline demo"
        return "unknown" if call.cost is None else f"${call.cost:.6f}"

    @admin.display(description="Latency", ordering="latency_ms")
    def latency(self, call: LLMCall) -> str:
        return "" if call.latency_ms is None else f"{call.latency_ms / 1000:.2f} s"


@admin.register(Answer)
class AnswerAdmin(ReadOnlyAdmin):
    list_display = ("id", "created_at", "session_id", "provider", "model", "cost")
    list_filter = ("provider", "offline")
    search_fields = ("=session_id",)
    search_help_text = "Session id, in full"
    date_hierarchy = "created_at"

    def get_queryset(self, request: HttpRequest) -> Any:
        queryset = super().get_queryset(request)
        on_list = request.resolver_match is not None and request.resolver_match.url_name == "llm_answer_changelist"
        return queryset.defer("value") if on_list else queryset
