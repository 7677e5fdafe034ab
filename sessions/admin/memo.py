from django.contrib import admin

from sessions.admin.base import OfSession
from sessions.models import Memo


@admin.register(Memo)
class MemoAdmin(OfSession):
    list_display = ("id", "of_session", "recommendation", "confidence", "offline", "branch", "when")
    list_filter = ("offline", "superseded")
    heavy = ("confidence_basis", "rationale", "dissent", "conditions", "tripwires", "option_reviews")
    ordering = ("-id",)
