"""The staff's operations page (MO1)."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from llm.models import Breaker
from sessions.admin.operations_page import alarms
from sessions.models import Session, Status

pytestmark = pytest.mark.django_db
CLOSED = {"state": "closed", "reason": "", "retry_in": 0.0}


@pytest.fixture
def url() -> str:
    return reverse("admin:board_operations")


@pytest.fixture
def desk(client: Client, staff: Any) -> Client:
    client.force_login(staff)
    return client


def test_a_quiet_board_says_that_nothing_needs_a_person(desk: Client, url: str) -> None:
    page = desk.get(url).content.decode()
    assert "Nothing. Everything below is within its bounds." in page


def test_every_figure_leads_to_a_list_that_opens(desk: Client, url: str, make_session: Any) -> None:
    session = make_session()
    failure = {"code": "providers_failed", "message": "m", "recoverable": True}
    Session.objects.filter(pk=session.pk).update(status=Status.FAILED, failure=failure, finished_at=timezone.now())
    page = desk.get(url, {"fragment": "1"}).content.decode()
    assert "providers_failed" in page
    links = set(re.findall(r'href="([^"]+)"', page))
    assert len(links) > 8
    for link in links:
        assert desk.get(link.replace("&amp;", "&")).status_code == 200, link


def test_a_line_that_does_not_move_and_an_open_breaker_name_their_runbooks(
    desk: Client, url: str, make_session: Any
) -> None:
    Breaker.objects.create(provider="anthropic", phase="open", reason="overloaded", open_until=timezone.now())
    session = make_session()
    Session.objects.filter(pk=session.pk).update(status=Status.QUEUED, queued_at=timezone.now() - timedelta(minutes=5))
    page = desk.get(url).content.decode()
    assert "docs/runbooks/queue-stuck.md" in page
    assert "docs/runbooks/provider-down.md" in page


def test_without_the_database_there_is_still_an_alarm() -> None:
    assert alarms(None, CLOSED)[0].runbook == "postgresql-down.md"


def test_it_is_for_staff_who_may_see_sessions(client: Client, user: Any, url: str) -> None:
    client.force_login(user)
    assert client.get(url).status_code == 302
    helper = get_user_model().objects.create_user("helper", password=None, is_staff=True)
    client.force_login(helper)
    assert client.get(url).status_code == 403
