"""The breakers with their operations, and the record of those.

One recipe for every operation: GET shows what will happen and asks for a reason; POST checks the permission again,
calls the same service as everybody else, and says what came of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from llm import breaker_store, operations
from llm.admin.base import ReadOnlyAdmin
from llm.models import Breaker, OperatorAction
from llm.operations import FAULTS, LONGEST_DRILL, LONGEST_TRIP, NotPossible
from llm.providers.base import title


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=500, widget=forms.Textarea(attrs={"rows": 3}), help_text="Kept in the record")


class TripForm(ReasonForm):
    minutes = forms.IntegerField(min_value=1, max_value=LONGEST_TRIP, initial=15)


class DrillForm(ReasonForm):
    fault = forms.ChoiceField(choices=[(name, fault.label) for name, fault in FAULTS.items()])
    minutes = forms.IntegerField(min_value=1, max_value=LONGEST_DRILL, initial=5)


@dataclass(frozen=True)
class Operation:
    """``run`` takes the actor, the provider and the form's cleaned data, and returns what to say."""

    label: str
    permission: str
    consequence: str
    form: type[ReasonForm]
    run: Callable[[Any, str, dict[str, Any]], str]


OPERATIONS = {
    "trip": Operation(
        "Trip",
        operations.OPERATE,
        "No call goes to this provider while the breaker is open; sessions use the other provider, or wait. "
        "Calls that are under way are not stopped.",
        TripForm,
        lambda actor, provider, data: operations.trip(actor, provider, data["minutes"], data["reason"]),
    ),
    "reset": Operation(
        "Reset",
        operations.OPERATE,
        "Calls go to this provider again at once, in every process within a second. If it still fails, each failing "
        "call costs its retries until the breaker opens again.",
        ReasonForm,
        lambda actor, provider, data: operations.reset(actor, provider, data["reason"]),
    ),
    "drill": Operation(
        "Fire drill",
        operations.DRILL,
        "The offline provider misbehaves under this provider's name for the time you choose. Sessions that run now are "
        "part of the drill: they should survive it.",
        DrillForm,
        lambda actor, provider, data: operations.drill(actor, provider, data["fault"], data["minutes"], data["reason"]),
    ),
    "end-drill": Operation(
        "End the drill",
        operations.DRILL,
        "The offline provider behaves again at once. Breakers that opened recover by their next probe.",
        ReasonForm,
        lambda actor, provider, data: operations.end_drill(actor, provider, data["reason"]),
    ),
}


@admin.register(Breaker)
class BreakerAdmin(ReadOnlyAdmin):
    list_display = ("provider_name", "phase", "failures", "open_until", "reason", "changed_at")
    change_form_template = "admin/llm/breaker/change_form.html"

    @admin.display(description="Provider", ordering="provider")
    def provider_name(self, row: Breaker) -> str:
        return title(row.provider)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        for name in settings.LLM_PROVIDERS:
            breaker_store.snapshot(name)  # a provider that was never asked has no row yet
        return super().changelist_view(request, extra_context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = get_object_or_404(Breaker, pk=object_id) if object_id.isdigit() else None
        offered = [
            (name, operation.label)
            for name, operation in OPERATIONS.items()
            if row is not None and self._may(request, operation) and self._fits(name, row)
        ]
        context = {
            **(extra_context or {}),
            "operations": offered,
            "history": OperatorAction.objects.filter(provider=row.provider)[:20] if row else [],
        }
        return super().change_view(request, object_id, form_url, context)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.operate)
        return [path("<int:pk>/operate/<slug:name>/", view, name="llm_breaker_operate"), *super().get_urls()]

    def operate(self, request: HttpRequest, pk: int, name: str) -> HttpResponse:
        row = get_object_or_404(Breaker, pk=pk)
        operation = OPERATIONS.get(name)
        page = reverse("admin:llm_breaker_change", args=[pk])
        if operation is None:
            return HttpResponseRedirect(page)
        if not self._may(request, operation):
            raise PermissionDenied
        form = operation.form(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                done = operation.run(request.user, row.provider, form.cleaned_data)
            except NotPossible as error:
                messages.warning(request, str(error))
            else:
                messages.success(request, done)
            return HttpResponseRedirect(page)
        context = {
            **self.admin_site.each_context(request),
            "title": f"{operation.label}: {title(row.provider)}",
            "opts": self.model._meta,
            "original": row,
            "operation": operation,
            "form": form,
            "page": page,
        }
        return TemplateResponse(request, "admin/llm/breaker/operate.html", context)

    def _may(self, request: HttpRequest, operation: Operation) -> bool:
        return self.has_view_permission(request) and request.user.has_perm(operation.permission)

    def _fits(self, name: str, row: Breaker) -> bool:
        return operations.can_drill(row.provider) if name.endswith("drill") else True


@admin.register(OperatorAction)
class OperatorActionAdmin(ReadOnlyAdmin):
    list_display = ("at", "actor", "verb", "provider", "reason")
    list_filter = ("verb", "provider")
    search_fields = ("actor",)
    date_hierarchy = "at"
