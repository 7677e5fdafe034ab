"""History cannot be changed by hand, and other apps' admins give nobody more power than was meant."""

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.urls import reverse
from django_q.models import Failure, OrmQ, Schedule, Success
from rest_framework.authtoken.models import TokenProxy

from sessions.models import Session
from tests.admin.test_pages import OURS, name, url

HISTORY = [*OURS, Success, Failure, Schedule, OrmQ]


@pytest.mark.parametrize("model", HISTORY, ids=name)
def test_not_even_a_superuser_may_add(model: Any, site: Any) -> None:
    before = model._default_manager.count()
    assert site.get(url(model, "add")).status_code == 403
    assert site.post(url(model, "add"), {"func": "os.system", "name": "x"}).status_code == 403
    assert model._default_manager.count() == before


@pytest.mark.parametrize("model", OURS, ids=name)
def test_not_even_a_superuser_may_change_or_delete(model: Any, viewer: Any, full: Any) -> None:
    row = full if model is Session else model.objects.order_by("pk").last()
    before = model.objects.filter(pk=row.pk).values().get()
    assert viewer.post(url(model, "change", row.pk), {"title": "x", "_save": "1"}).status_code == 403
    assert viewer.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert model.objects.filter(pk=row.pk).values().get() == before


@pytest.mark.parametrize("model", HISTORY, ids=name)
def test_no_list_offers_deletion_or_resubmission(model: Any, viewer: Any, full: Any) -> None:
    page = viewer.get(url(model, "changelist"))
    assert b"delete_selected" not in page.content
    assert b"resubmit" not in page.content


def test_a_forged_resubmission_of_a_task_does_nothing(site: Any) -> None:
    task = Success.objects.create(id="a" * 32, name="t", func="os.getcwd", started="2026-01-01T00:00Z",
                                  stopped="2026-01-01T00:00Z", success=True)  # fmt: skip
    site.post(url(Success, "changelist"), {"action": "resubmit_task", "_selected_action": task.pk})
    assert OrmQ.objects.count() == 0


def test_tokens_are_not_listed_anywhere(site: Any) -> None:
    assert not admin.site.is_registered(TokenProxy)


def test_whoever_is_not_staff_sees_nothing(client: Any, user: Any) -> None:
    client.force_login(user)
    for model in OURS:
        assert client.get(url(model, "changelist")).status_code == 302


def test_staff_without_the_permission_to_view_are_refused(member: Any, full: Any) -> None:
    client = member("view_event")
    assert client.get(reverse("admin:board_event_changelist")).status_code == 200
    assert client.get(url(Session, "changelist")).status_code == 403
    assert client.get(url(Session, "change", full.pk)).status_code == 403


def test_the_boards_tables_are_all_ours() -> None:
    """The app's label keeps clear of Django's own sessions."""
    assert {model._meta.app_label for model in OURS} == {"board"}
    assert apps.get_app_config("board").name == "sessions"
