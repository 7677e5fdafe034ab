"""Staff see the breakers, trip and reset them, and run fire drills where nothing real is behind them (LM3)."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from llm import breaker_store
from llm.broker import complete
from llm.models import Breaker, OperatorAction
from llm.operations import FAULTS
from llm.types import Request
from tests.llm.conftest import Offline, providers

pytestmark = pytest.mark.django_db(transaction=True)
Make = Callable[..., Request[Any]]


@pytest.fixture
def desk(staff: Any, offline: Offline, client: Client) -> Client:
    client.force_login(staff)
    return client


@pytest.fixture
def onlooker(offline: Offline, client: Client) -> Client:
    user = get_user_model().objects.create_user("olga", "olga@example.org", "a-long-enough-secret", is_staff=True)
    user.user_permissions.add(Permission.objects.get(content_type__app_label="llm", codename="view_breaker"))
    client.force_login(user)
    return client


def operate(provider: str, name: str) -> str:
    breaker_store.snapshot(provider)
    return reverse("admin:llm_breaker_operate", args=[Breaker.objects.get(provider=provider).pk, name])


def phase(provider: str = "anthropic") -> str:
    return Breaker.objects.get(provider=provider).phase


def said(response: Any) -> str:
    return " ".join(str(message) for message in response.context["messages"])


def test_looking_at_an_operation_changes_nothing(desk: Client) -> None:
    for name in ("trip", "reset", "drill", "end-drill"):
        response = desk.get(operate("anthropic", name))
        assert response.status_code == 200
        assert "reason" in response.content.decode()
    assert phase() == "closed"
    assert not OperatorAction.objects.exists()


def test_trip_and_reset_work_and_are_recorded(desk: Client) -> None:
    response = desk.post(operate("anthropic", "trip"), {"reason": "maintenance", "minutes": 15}, follow=True)
    assert "no calls for 15 min" in said(response)
    assert phase() == "open"
    response = desk.post(operate("anthropic", "reset"), {"reason": "done"}, follow=True)
    assert "gets calls again" in said(response)
    assert phase() == "closed"
    entries = list(OperatorAction.objects.order_by("id").values_list("actor", "verb", "provider", "reason"))
    assert entries == [("grace", "trip", "anthropic", "maintenance"), ("grace", "reset", "anthropic", "done")]
    assert "maintenance" in response.content.decode()


def test_an_operation_without_a_reason_is_not_done(desk: Client) -> None:
    assert desk.post(operate("anthropic", "trip"), {"reason": " ", "minutes": 15}).status_code == 200
    assert phase() == "closed"


def test_an_operation_that_does_not_fit_the_state_says_so_and_leaves_no_record(desk: Client) -> None:
    response = desk.post(operate("anthropic", "reset"), {"reason": "why not"}, follow=True)
    assert "nothing to reset" in said(response)
    desk.post(operate("anthropic", "trip"), {"reason": "once", "minutes": 15})
    response = desk.post(operate("anthropic", "trip"), {"reason": "twice", "minutes": 15}, follow=True)
    assert "open already" in said(response)
    assert OperatorAction.objects.count() == 1


def test_seeing_breakers_is_not_operating_them(onlooker: Client) -> None:
    url = operate("anthropic", "trip")
    page = onlooker.get(reverse("admin:llm_breaker_change", args=[Breaker.objects.get(provider="anthropic").pk]))
    assert page.status_code == 200
    assert "operate/trip" not in page.content.decode()
    assert onlooker.get(url).status_code == 403
    assert onlooker.post(url, {"reason": "x", "minutes": 1}).status_code == 403
    assert phase() == "closed"


def test_a_fire_drill_is_survived_and_ends(desk: Client, offline: Offline, make_request: Make) -> None:
    url = operate("anthropic", "drill")
    response = desk.post(url, {"reason": "practice", "fault": "outage", "minutes": 5}, follow=True)
    assert "Drill begun" in said(response)
    assert asyncio.run(complete(make_request())).provider == "openai"
    response = desk.post(operate("anthropic", "end-drill"), {"reason": "enough"}, follow=True)
    assert "behaves again" in said(response)
    assert asyncio.run(complete(make_request(task_id="task-2"))).provider == "anthropic"
    assert list(OperatorAction.objects.order_by("id").values_list("verb", flat=True)) == ["drill", "end_drill"]


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_every_drill_that_is_offered_can_be_begun_and_ended(desk: Client, offline: Offline, fault: str) -> None:
    form = {"reason": "practice", "fault": fault, "minutes": 5}
    assert "Drill begun" in said(desk.post(operate("openai", "drill"), form, follow=True))
    (begun,) = offline.faults()
    assert (begun["provider"], begun["kind"], begun["active"]) == ("openai", FAULTS[fault].fields["kind"], True)
    assert 290 <= begun["remaining_seconds"] <= 300
    assert "behaves again" in said(desk.post(operate("openai", "end-drill"), {"reason": "enough"}, follow=True))
    assert offline.faults() == []


def test_a_drill_needs_a_permission_of_its_own(onlooker: Client, offline: Offline) -> None:
    user = get_user_model().objects.get(username="olga")
    user.user_permissions.add(Permission.objects.get(content_type__app_label="llm", codename="operate_breaker"))
    form = {"reason": "practice", "fault": "outage", "minutes": 5}
    assert onlooker.post(operate("anthropic", "drill"), form).status_code == 403
    assert offline.faults() == []
    assert onlooker.post(operate("anthropic", "trip"), {"reason": "works", "minutes": 1}).status_code == 302


@pytest.mark.parametrize("real", ["flag", "address"])
def test_a_fire_drill_never_touches_a_real_provider(desk: Client, settings: Any, offline: Offline, real: str) -> None:
    if real == "flag":
        settings.LLM_PROVIDERS = providers(offline.url, offline=False)
    else:
        settings.LLM_PROVIDERS["anthropic"]["base_url"] = "https://api.example.com"
    response = desk.post(operate("anthropic", "drill"), {"reason": "x", "fault": "outage", "minutes": 5}, follow=True)
    assert "is real here" in said(response)
    assert not OperatorAction.objects.exists()
    row = Breaker.objects.get(provider="anthropic")
    page = desk.get(reverse("admin:llm_breaker_change", args=[row.pk]))
    assert "operate/drill" not in page.content.decode()


def test_the_ledger_shows_totals_and_costs(desk: Client, priced: Offline, make_request: Make) -> None:
    completion = asyncio.run(complete(make_request()))
    page = desk.get(reverse("admin:llm_llmcall_changelist"))
    assert page.context["totals"]["known_cost"] == completion.cost
    linked = set()
    for by in ("day", "model", "provider", "session_id", "node", "nonsense"):
        report = desk.get(reverse("admin:llm_llmcall_cost"), {"by": by, "days": "7"})
        assert report.status_code == 200
        (row,) = report.context["rows"]
        assert row["known_cost"] == report.context["total"]["known_cost"] == completion.cost
        if row["query"]:
            linked.add(by)
            calls = desk.get(reverse("admin:llm_llmcall_changelist") + "?" + row["query"])
            assert [call.model for call in calls.context["cl"].result_list] == [completion.model], by
    assert {"day", "model", "provider", "session_id"} <= linked


def test_the_ledger_is_filtered_and_its_totals_with_it(desk: Client, priced: Offline, make_request: Make) -> None:
    priced.outage("anthropic", 401)
    answered = asyncio.run(complete(make_request()))
    url = reverse("admin:llm_llmcall_changelist")
    failed = desk.get(url, {"status__exact": "failed"}).context["totals"]
    assert (failed["calls"], failed["failed"], failed["known_cost"]) == (1, 1, 0)
    other = desk.get(url, {"provider": "openai"}).context["totals"]
    assert (other["calls"], other["failed"], other["known_cost"]) == (1, 0, answered.cost)
    assert desk.get(url, {"error_code": "provider_auth"}).context["totals"]["calls"] == 1
    assert desk.get(url, {"q": str(make_request().session_id)}).context["totals"]["calls"] == 2


def test_history_cannot_be_changed_in_the_admin(desk: Client, offline: Offline, make_request: Make) -> None:
    asyncio.run(complete(make_request()))
    for model in ("llmcall", "answer", "breaker", "operatoraction"):
        page = desk.get(reverse(f"admin:llm_{model}_changelist"))
        assert page.status_code == 200, model
        assert desk.get(reverse(f"admin:llm_{model}_add")).status_code == 403, model
