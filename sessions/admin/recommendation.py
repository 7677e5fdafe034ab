from django.contrib import admin

from sessions.admin.base import OfSession
from sessions.models import Recommendation


@admin.register(Recommendation)
class RecommendationAdmin(OfSession):
    list_display = (
        "id", "of_session", "sub_problem", "name", "option", "recommendation", "confidence", "offline", "branch",
        "when",
    )  # fmt: skip
    list_filter = ("offline", "superseded")
    heavy = ("reasons", "conditions", "would_change_my_mind")
    ordering = ("-id",)
