from django.contrib import admin

from sessions.admin.base import OfSession
from sessions.models import Contribution


@admin.register(Contribution)
class ContributionAdmin(OfSession):
    list_display = (
        "id", "of_session", "sub_problem", "round", "name", "option", "claim", "confidence", "model", "offline",
        "branch", "when",
    )  # fmt: skip
    list_filter = ("offline", "superseded")
    heavy = ("reasons", "conditions", "response")
    ordering = ("-id",)
