"""The one recipe for what staff can do to a row: say the consequence, take a reason, do it, say what came out.

GET shows a confirmation page and changes nothing. POST checks the permission again and calls the service, which checks
the state, makes the change and writes the audit entry in one transaction. As a bulk action the same operation reports
per row. An operation is data; ``OperationAdmin`` turns it into a button, a page and a bulk action.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods

from sessions.admin.base import ReadOnlyAdmin

#: Rows that one bulk action may change.
MOST = 200
#: Different reasons for skipping that a report names.
NAMED = 3


class ReasonForm(forms.Form):
    """Every operation asks why; the answer goes to the audit entry."""

    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
        help_text="Kept in the audit trail. A ticket number is fine, a sentence is better.",
    )


Service = Callable[[Any, Any, dict[str, Any]], object]


def reasoned(verb: Callable[[Any, Any, str], object]) -> Service:
    """The service of an operation whose form asks for a reason and nothing else: ``verb(row, actor, reason)``."""

    def service(row: Any, actor: Any, data: dict[str, Any]) -> object:
        return verb(row, actor, data["reason"])

    return service


@dataclass(frozen=True, slots=True)
class Operation:
    """One verb. ``service`` gets the row, the actor and the form's cleaned data, and raises one of ``refusals``.

    ``permission`` is Django's full name (``board.control_session``). ``consequence`` says what will happen to a row,
    ``done`` is the past participle of reports. ``offered`` decides whether a row shows the button; the service alone
    decides whether the operation is legal. ``harm`` marks what cannot be undone. ``initial`` is what the form of a
    row begins with. A service that returns a row of the same table sends the reader there.
    """

    label: str
    done: str
    permission: str
    consequence: Callable[[Any], str]
    service: Service
    refusals: tuple[type[Exception], ...]
    offered: Callable[[Any], bool] = field(default=lambda row: True)
    form: type[ReasonForm] = ReasonForm
    initial: Callable[[Any], dict[str, Any]] = field(default=lambda row: {})
    harm: bool = False
    bulk: bool = True

    @property
    def slug(self) -> str:
        return slugify(self.label)

    @property
    def action(self) -> str:
        return self.slug.replace("-", "_")


class OperationAdmin(ReadOnlyAdmin):
    operations: ClassVar[Sequence[Operation]] = ()
    actions: Any = ()

    def allowed(self, request: HttpRequest) -> list[Operation]:
        return [operation for operation in self.operations if request.user.has_perm(operation.permission)]

    def buttons(self, request: HttpRequest, row: Any) -> list[dict[str, Any]]:
        """What this person is offered on the page of a row."""
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_operation"
        return [
            {
                "label": operation.label,
                "harm": operation.harm,
                "url": reverse(name, args=[row.pk, operation.slug]),
            }
            for operation in self.allowed(request)
            if operation.offered(row)
        ]

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_operation"
        view = self.admin_site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(self.operation_view))
        return [path("<path:object_id>/do/<slug:slug>/", view, name=name), *super().get_urls()]

    def operation_view(self, request: HttpRequest, object_id: str, slug: str) -> HttpResponse:
        operation = next((known for known in self.operations if known.slug == slug), None)
        row = self.get_object(request, unquote(object_id))
        if operation is None or row is None:
            raise Http404("There is no such operation, or no such row.")
        if not (self.has_view_permission(request, row) and request.user.has_perm(operation.permission)):
            raise PermissionDenied
        back = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])
        posted = request.POST if request.method == "POST" else None
        form = operation.form(posted, initial=operation.initial(row) | request.GET.dict())
        if request.method == "POST" and form.is_valid():
            outcome = self._one(request, operation, row, form.cleaned_data)
            if isinstance(outcome, self.model) and outcome.pk != row.pk:
                return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", outcome.pk)
            return redirect(back)
        return self._confirmation(request, operation, [row], form, back)

    def _one(self, request: HttpRequest, operation: Operation, row: Any, data: dict[str, Any]) -> object:
        try:
            outcome = operation.service(row, request.user, data)
        except operation.refusals as refused:
            self.message_user(request, f"Nothing was changed. {refused}", messages.ERROR)
            return None
        self.message_user(request, f"“{row}” was {operation.done}.", messages.SUCCESS)
        return outcome

    # -- several rows at once

    def get_actions(self, request: HttpRequest) -> Any:
        """The operations that this person may use; nothing else, not even Django's own deletion."""
        if request.GET.get("_popup") or self.actions is None:
            return {}
        return {
            operation.action: (_bulk(operation), operation.action, f"{operation.label} …")
            for operation in self.allowed(request)
            if operation.bulk
        }

    def run_bulk(self, request: HttpRequest, operation: Operation, rows: QuerySet[Any]) -> HttpResponse | None:
        """Both steps of a bulk action: without a confirmed form the confirmation page, with it the work."""
        if not request.user.has_perm(operation.permission):
            raise PermissionDenied
        chosen = list(rows[: MOST + 1])
        if len(chosen) > MOST:
            self.message_user(request, f"Nothing was changed. Choose at most {MOST} rows at once.", messages.ERROR)
            return None
        confirmed = "confirmed" in request.POST
        form = operation.form(request.POST if confirmed else None)
        if not (confirmed and form.is_valid()):
            return self._confirmation(request, operation, chosen, form, request.get_full_path(), bulk=True)
        self._several(request, operation, chosen, form.cleaned_data)
        return HttpResponseRedirect(request.get_full_path())

    def _several(self, request: HttpRequest, operation: Operation, rows: list[Any], data: dict[str, Any]) -> None:
        """Each row on its own: one that cannot be changed never holds up the others."""
        skipped: Counter[str] = Counter()
        for row in rows:
            try:
                operation.service(row, request.user, data)
            except operation.refusals as refused:
                skipped[str(refused)] += 1
        done, left = len(rows) - skipped.total(), skipped.total()
        reasons = [f"{why} ({number})" if number > 1 else why for why, number in skipped.most_common(NAMED)]
        if len(skipped) > NAMED:
            reasons.append(f"and {len(skipped) - NAMED} other reasons")
        report = f"{done} {operation.done}" + (f", {left} skipped: {' '.join(reasons)}" if left else "")
        level = messages.SUCCESS if not left else messages.WARNING if done else messages.ERROR
        self.message_user(request, report if left else f"{report}.", level)

    def _confirmation(
        self,
        request: HttpRequest,
        operation: Operation,
        rows: list[Any],
        form: forms.Form,
        back: str,
        bulk: bool = False,
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": operation.label,
            "operation": operation,
            "rows": [(row, self.state(row), operation.consequence(row)) for row in rows],
            "form": form,
            "back": back,
            "bulk": bulk,
            "lead": "" if rows else operation.consequence(None),
            "checkbox": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/operation.html", context, status=400 if form.errors else 200)

    def state(self, row: Any) -> str:
        """What a confirmation page says a row is in."""
        return ""


def _bulk(operation: Operation) -> Callable[..., HttpResponse | None]:
    def act(model_admin: OperationAdmin, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        return model_admin.run_bulk(request, operation, rows)

    return act
