from django.contrib import admin

from sessions.admin.base import ReadOnlyAdmin
from sessions.models import IdempotencyKey


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(ReadOnlyAdmin):
    list_display = ("id", "created_at", "user", "scope", "key", "status")
    list_filter = ("created_at",)
    list_select_related = ("user",)
    heavy = ("body",)
    session_column = ""
    text_columns = ("=key", "=user__username")
    search_help_text = "Key or user name, in full"
    ordering = ("-id",)
