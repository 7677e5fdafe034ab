from django.contrib import admin

from sessions.admin.base import OfSession
from sessions.models import ActionProposal


@admin.register(ActionProposal)
class ActionProposalAdmin(OfSession):
    list_display = ("id", "of_session", "position", "title", "owner", "due_in_days", "priority", "branch")
    list_filter = ("superseded",)
    heavy = ("what", "success", "kill")
    ordering = ("-id",)
