from django.contrib import admin

from sessions.admin.base import OfSession
from sessions.models import Resolution


@admin.register(Resolution)
class ResolutionAdmin(OfSession):
    """Read only: what somebody decided and how it turned out is theirs to say."""

    list_display = ("id", "of_session", "followed", "decided_on", "hindsight", "judged_on", "when")
    list_filter = ("followed", "hindsight")
    heavy = ("decision", "outcome")
    ordering = ("-id",)
