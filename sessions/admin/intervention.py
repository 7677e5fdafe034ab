from django.contrib import admin

from sessions.admin.base import OfSession
from sessions.models import Intervention


@admin.register(Intervention)
class InterventionAdmin(OfSession):
    list_display = ("id", "of_session", "sub_problem", "round", "name", "cause", "branch", "when")
    list_filter = ("moderator", "superseded")
    heavy = ("claim", "points", "question", "reason")
    ordering = ("-id",)
