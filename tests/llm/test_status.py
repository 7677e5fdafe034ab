"""How the providers are doing is a page and an API, for those who are signed in."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory
from rest_framework.test import APIRequestFactory, force_authenticate

from llm import breaker_store, views
from llm.broker import complete
from llm.status import provider_status
from llm.types import Request
from tests.llm.conftest import Offline

pytestmark = pytest.mark.django_db(transaction=True)
Make = Callable[..., Request[Any]]


def test_the_status_tells_what_happened(offline: Offline, settings: Any, make_request: Make) -> None:
    offline.outage("anthropic", 401)
    asyncio.run(complete(make_request()))
    first, second = provider_status()
    assert (first.name, first.role, first.state, first.failed) == ("anthropic", "primary", "resting", 1)
    assert first.retry_in == pytest.approx(900, abs=5)
    assert first.reason == "provider_auth"
    assert (second.name, second.role, second.state, second.attempts) == ("openai", "fallback", "available", 1)
    assert second.last_success is not None
    settings.LLM_PROVIDERS["openai"]["api_key"] = ""
    assert provider_status()[1].state == "not_configured"


def test_the_api_gives_the_same(offline: Offline, user: Any) -> None:
    breaker_store.trip("anthropic", 60.0, "test")
    request = APIRequestFactory().get("/api/v1/providers")
    assert views.ProviderStatusView.as_view()(request).status_code in (401, 403)
    force_authenticate(request, user=user)
    response = views.ProviderStatusView.as_view()(request)
    assert [entry["state"] for entry in response.data] == ["resting", "available"]
    assert "reason" not in response.data[0]


def test_the_page_is_for_those_who_are_signed_in(offline: Offline, user: Any, rf: RequestFactory) -> None:
    request = rf.get("/status/")
    request.user = AnonymousUser()
    assert views.status_page(request).status_code == 302
    request.user = user
    page = views.status_page(request)
    assert page.status_code == 200
    assert "Available" in page.content.decode()
    assert "no-store" in page["Cache-Control"]
