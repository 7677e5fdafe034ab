from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.views import defaults

from bo1site.security import ContentSecurityPolicyMiddleware


def test_a_missing_page_speaks_in_our_own_voice_and_offers_a_way_on(browser: Client) -> None:
    answer = browser.get("/nowhere/")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()
    assert 'href="/"' in answer.content.decode()


@pytest.mark.parametrize("pk", ["0", "x' OR 1=1", "00000000-0000-0000-0000-000000000000", "%00", "../../etc/passwd"])
def test_ids_that_cannot_be_are_not_found(browser: Client, pk: str) -> None:
    assert browser.get(f"/sessions/{pk}/").status_code == 404


def test_the_page_for_our_own_faults_needs_nothing_but_itself() -> None:
    """Django renders it without a request: it must not depend on a user or a database."""
    page = defaults.server_error(RequestFactory().get("/")).content.decode()
    assert "Something broke on our side" in page


@pytest.mark.parametrize("status", [429, 503])
def test_pages_that_ask_for_patience_say_how_long(status: int) -> None:
    assert "17 seconds" in render_to_string(f"{status}.html", {"retry_after": 17})


def answer_with(path: str, **headers: str) -> Any:
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse("x", headers=headers)

    return ContentSecurityPolicyMiddleware(view)(RequestFactory().get(path))


def test_the_policy_allows_only_what_comes_from_here() -> None:
    policy = answer_with("/").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_the_api_browser_alone_may_use_its_inline_script() -> None:
    assert "'unsafe-inline'" in answer_with("/api/docs/").headers["Content-Security-Policy"]
    assert "'unsafe-inline'" not in answer_with("/api/v1/sessions/").headers["Content-Security-Policy"]


def test_a_view_may_set_a_policy_of_its_own() -> None:
    own = answer_with("/", **{"Content-Security-Policy": "default-src 'self'"})
    assert own.headers["Content-Security-Policy"] == "default-src 'self'"
