from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from sessions.admin.base import MAX_JSON, OfSession
from sessions.models import Document


@admin.register(Document)
class DocumentAdmin(OfSession):
    """What a decision was brought with: as text, escaped, and cut where it gets too long for a page."""

    list_display = ("id", "of_session", "position", "name", "kind", "size", "pages", "characters", "when")
    list_filter = ("kind",)
    heavy = ("text",)
    ordering = ("-id",)
    fields = ("session", "position", "name", "kind", "size", "pages", "characters", "sha256", "created_at", "text_")

    def get_fields(self, request: object, obj: object = None) -> tuple[str, ...]:
        return self.fields

    @admin.display(description="text")
    def text_(self, row: Document) -> SafeString:
        more = len(row.text) - MAX_JSON
        cut = f"\n… {more:,} more characters" if more > 0 else ""
        return format_html('<pre class="json">{}{}</pre>', row.text[:MAX_JSON], cut)
