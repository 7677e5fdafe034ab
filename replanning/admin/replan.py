"""Replans, and the repair of all of them at once."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_http_methods

from replanning.models import Replan
from replanning.services import repair
from sessions.admin.base import ReadOnlyAdmin
from sessions.admin.operation import ReasonForm


@admin.register(Replan)
class ReplanAdmin(ReadOnlyAdmin):
    list_display = ("id", "action", "stage", "session", "requested_by", "created_at", "ended_at", "outcome")
    list_filter = ("stage",)
    list_select_related = ("action", "session", "requested_by")
    ordering = ("-id",)
    search_help_text = "Session id, in full"
    change_list_template = "replanning/admin/replans.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(self.repair_view))
        return [path("repair/", view, name="replanning_replan_repair"), *super().get_urls()]

    def repair_view(self, request: HttpRequest) -> HttpResponse:
        """GET says what would be done and changes nothing; POST does it and says what was done, row by row."""
        if not request.user.has_perm("replanning.repair_project"):
            raise PermissionDenied
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            self._repair(request, form.cleaned_data["reason"])
            return redirect("admin:replanning_replan_repair")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Repair replans",
            "findings": repair.preview(actor=request.user),
            "form": form,
        }
        return TemplateResponse(request, "replanning/admin/repair.html", context, status=400 if form.errors else 200)

    def _repair(self, request: HttpRequest, reason: str) -> None:
        report = repair.repair(actor=request.user, reason=reason)
        for one in report:
            if one.error:
                self.message_user(request, f"Not mended: {one.finding.says} {one.error}", messages.ERROR)
            else:
                self.message_user(request, f"{one.finding.says} {one.finding.remedy}", messages.SUCCESS)
        if not report:
            self.message_user(request, "Nothing was wrong, so nothing was changed.", messages.INFO)
