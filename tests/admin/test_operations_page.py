"""The staff's operations page (MO1)."""

import re
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from bo1site.resilience import redis
from llm.models import Breaker, LLMCall
from sessions import event_latency, figures
from sessions.admin import operations_page, runbook
from sessions.admin.operations_page import alarms
from sessions.models import RunnerSlot, Session, Status

pytestmark = pytest.mark.django_db
#: All but the list of them.
RUNBOOKS = runbook.names() - {"README"}
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
    assert reverse("admin:board_runbook", args=["queue-stuck"]) in page
    assert reverse("admin:board_runbook", args=["provider-down"]) in page


def test_without_the_database_there_is_still_an_alarm() -> None:
    assert alarms(None, CLOSED)[0].runbook == "postgresql-down.md"


def test_every_alarm_leads_to_who_is_affected_and_to_what_to_do(desk: Client, make_session: Any) -> None:
    """At three in the morning nobody wants to look for either."""
    ago = timezone.now() - timedelta(hours=3)
    for values in (
        {"status": Status.QUEUED, "queued_at": ago},
        {"status": Status.RUNNING, "lease_until": ago, "progressed_at": ago},
    ):
        Session.objects.filter(pk=make_session().pk).update(**values)
    for provider in ("anthropic", "openai"):
        Breaker.objects.create(provider=provider, phase="open", reason="overloaded", open_until=timezone.now())
    LLMCall.objects.create(provider="anthropic", model="m", tier="core", status="finished", cost=101)
    LLMCall.objects.create(provider="anthropic", model="m", tier="core", status="finished", cost=None)
    RunnerSlot.objects.create(host="h", number=1, owner="w", lease_until=ago, commit_delay_ms=900)
    away = {"state": "open", "reason": "refused", "retry_in": 9.0, "pool": {"in_use": 20, "waiting": 9, "size": 20}}
    found = alarms(figures.read(), away)
    assert {alarm.runbook.removesuffix(".md") for alarm in found} == RUNBOOKS - {
        "redis-down", "redis-down-events-slow", "event-gaps", "process-down"
    }  # fmt: skip
    assert [alarm.urgent for alarm in found] == sorted((alarm.urgent for alarm in found), reverse=True)
    for alarm in found:
        assert desk.get(alarm.link).status_code == 200, alarm
        assert "What to press" in desk.get(alarm.manual).content.decode()


@pytest.mark.parametrize("slow", [True, False])
def test_a_redis_that_is_down_is_urgent_only_while_events_are_slow(slow: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """RD4"""
    monkeypatch.setattr(redis, "is_down", lambda: True)
    monkeypatch.setattr(event_latency, "is_slow", lambda: slow)
    [alarm] = alarms(figures.read(), CLOSED)
    assert (alarm.urgent, alarm.runbook) == (slow, "redis-down-events-slow.md" if slow else "redis-down.md")


def test_the_page_and_the_alert_rules_have_the_same_bounds() -> None:
    rules = (Path(__file__).resolve().parents[2] / "docs" / "alerts.yml").read_text()
    for figure, bound in {
        "board_oldest_queued_seconds": operations_page.OLDEST_QUEUED,
        "board_stalest_session_seconds": operations_page.STALEST,
        "board_slowest_commit_seconds": operations_page.COMMIT_DELAY_MS / 1000,
        "board_cost_today_dollars": operations_page.COST_TODAY,
    }.items():
        assert f"max({figure}) > {bound:g}" in rules, figure


def test_failures_lead_to_the_sessions_with_just_that_code(desk: Client, url: str, make_session: Any) -> None:
    for code in ("providers_failed", "poison"):
        failure = {"code": code, "message": "m", "recoverable": True}
        now = timezone.now()
        Session.objects.filter(pk=make_session().pk).update(status=Status.FAILED, failure=failure, finished_at=now)
    links = re.findall(r'href="([^"]+failure__code=poison)"', desk.get(url).content.decode())
    listed = desk.get(links[0].replace("&amp;", "&")).context["cl"].result_list
    assert [session.failure["code"] for session in listed] == ["poison"]


@pytest.mark.parametrize("name", sorted(RUNBOOKS))
def test_every_runbook_is_a_page_of_the_admin_without_left_over_markup(name: str, desk: Client) -> None:
    text = runbook.render((runbook.FOLDER / f"{name}.md").read_text().partition("\n")[2])
    assert desk.get(reverse("admin:board_runbook", args=[name])).status_code == 200
    bare = unescape(re.sub(r"<code>.*?</code>", "", str(text)))
    assert not re.search(r"[`*#]|\]\(|^\||^- ", bare, re.M), bare
    for link in re.findall(r'href="([^"]+)"', str(text)):
        assert desk.get(link).status_code == 200


def test_a_runbook_is_escaped_and_no_other_file_is_served(desk: Client) -> None:
    assert "<script>" not in runbook.render("- `<script>`\n- <script>")
    assert desk.get(reverse("admin:board_operations") + "runbooks/settings/").status_code == 404


def test_it_is_for_staff_who_may_see_sessions(client: Client, user: Any, url: str) -> None:
    client.force_login(user)
    assert client.get(url).status_code == 302
    helper = get_user_model().objects.create_user("helper", password=None, is_staff=True)
    client.force_login(helper)
    assert client.get(url).status_code == 403
