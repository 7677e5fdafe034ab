from django.contrib import admin

from sessions.admin.base import ReadOnlyAdmin
from sessions.models import RunnerSlot


@admin.register(RunnerSlot)
class RunnerSlotAdmin(ReadOnlyAdmin):
    list_display = ("host", "number", "owner", "lease_until", "started_at", "sessions", "capacity", "commit_delay_ms")
    session_column = ""
    text_columns = ("host", "owner")
