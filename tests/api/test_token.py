"""People make, replace and take away their own token, by page and by API."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.authtoken.models import Token

from sessions.models import AuditEntry

URL = "/api/v1/token"


@pytest.fixture
def browser(user: Any) -> Client:
    client = Client(enforce_csrf_checks=False)
    client.force_login(user)
    return client


def test_a_new_token_replaces_the_old_one_at_once(caller: Any, anybody: Any, problem: Any) -> None:
    old = caller.headers["Authorization"]
    fresh = caller.post(URL).json()["token"]
    problem(anybody.call("GET", URL, Authorization=old), 401, "invalid_token")
    assert anybody.call("GET", URL, Authorization=f"Token {fresh}").json()["ends_with"] == fresh[-4:]


def test_the_state_never_holds_the_token(caller: Any, user: Any) -> None:
    key = Token.objects.get(user=user).key
    assert key not in caller.get(URL).content.decode()


def test_a_revoked_token_is_gone(caller: Any, user: Any, problem: Any) -> None:
    assert caller.call("DELETE", URL).status_code == 204
    assert not Token.objects.filter(user=user).exists()
    problem(caller.get(URL), 401, "invalid_token")


def test_the_page_shows_a_fresh_token_once(browser: Client, user: Any) -> None:
    path = reverse("board:token")
    assert "You have no token yet" in browser.get(path).content.decode()
    answer = browser.post(path, {"do": "rotate"}, follow=True)
    key = Token.objects.get(user=user).key
    assert key in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    again = browser.get(path).content.decode()
    assert key not in again
    assert key[-4:] in again


def test_the_page_takes_a_token_away(browser: Client, user: Any) -> None:
    browser.post(reverse("board:token"), {"do": "rotate"})
    browser.post(reverse("board:token"), {"do": "revoke"})
    assert not Token.objects.filter(user=user).exists()


def test_looking_at_the_page_changes_nothing(browser: Client, user: Any) -> None:
    browser.get(reverse("board:token"))
    assert not Token.objects.filter(user=user).exists()


def test_the_page_asks_strangers_to_sign_in(client: Any, db: None) -> None:
    assert client.get(reverse("board:token")).status_code == 302


def test_audit_entries_tell_of_tokens_but_never_hold_one(caller: Any, user: Any) -> None:
    key = caller.post(URL).json()["token"]
    entries = AuditEntry.objects.filter(object_type="user", object_id=str(user.pk))
    assert list(entries.order_by("id").values_list("action", flat=True)) == ["create_token", "rotate_token"]
    assert key not in str(list(entries.values()))
