from django.contrib import admin

from sessions.admin.base import OfSession
from sessions.models import Seat, SubProblem


@admin.register(Seat)
class SeatAdmin(OfSession):
    list_display = (
        "id",
        "of_session",
        "sub_problem",
        "position",
        "name",
        "version",
        "provider",
        "method",
        "reason",
        "branch",
    )
    list_filter = ("superseded", "provider")
    ordering = ("-id",)


@admin.register(SubProblem)
class SubProblemAdmin(OfSession):
    list_display = ("id", "of_session", "position", "title", "branch", "when")
    list_filter = ("superseded",)
    heavy = ("question",)
    ordering = ("-id",)
