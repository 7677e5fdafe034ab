"""Nothing is shown to who is not signed in, and to nobody what is another one's."""

from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests import factories


def test_a_stranger_is_sent_to_sign_in_and_comes_back_to_the_page_they_asked_for(client: Client, user: Any) -> None:
    wanted = reverse("board:new")
    answer = client.get(wanted)
    assert answer.url == f"/login/?next={wanted}"  # type: ignore[attr-defined]
    page = client.get(answer.url)  # type: ignore[attr-defined]
    assert f'name="next" value="{wanted}"' in page.content.decode()
    entered = client.post("/login/", {"username": "ada", "password": "a-long-enough-secret", "next": wanted})
    assert entered.url == wanted  # type: ignore[attr-defined]


def test_a_wrong_password_is_told_without_saying_which_half_was_wrong(client: Client, user: Any) -> None:
    page = client.post("/login/", {"username": "ada", "password": "guess"}).content.decode()
    assert "do not belong together" in page
    assert 'value="ada"' in page
    assert "guess" not in page


def test_signing_out_is_a_button_not_a_link(client: Client, user: Any) -> None:
    client.force_login(user)
    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/").url == "/login/"  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["session", "report"])
def test_a_foreign_session_is_not_found(client: Client, user: Any, django_user_model: Any, kind: str) -> None:
    session = factories.finished(user)
    client.force_login(django_user_model.objects.create_user("eve"))
    answer = client.get(reverse(f"board:{kind}", args=[session.pk]))
    assert answer.status_code == 404
    assert session.title not in unescape(answer.content.decode())


def test_a_foreign_export_is_not_found(client: Client, user: Any, django_user_model: Any) -> None:
    session = factories.finished(user)
    client.force_login(django_user_model.objects.create_user("eve"))
    assert client.get(reverse("board:export", kwargs={"pk": session.pk, "kind": "json"})).status_code == 404


def test_a_foreign_draft_cannot_be_started(client: Client, user: Any, django_user_model: Any) -> None:
    session = factories.draft(user)
    client.force_login(django_user_model.objects.create_user("eve"))
    assert client.post(reverse("board:start", args=[session.pk])).status_code == 404
    session.refresh_from_db()
    assert session.status == "created"


def test_staff_read_sessions_of_others_but_their_list_holds_their_own(client: Client, user: Any, staff: Any) -> None:
    session = factories.finished(user)
    client.force_login(staff)
    assert client.get(reverse("board:session", args=[session.pk])).status_code == 200
    assert session.title not in unescape(client.get("/").content.decode())
    assert session.title in unescape(client.get("/?owner=all").content.decode())


def test_who_asks_for_everyones_decisions_without_being_staff_gets_their_own(
    client: Client, user: Any, django_user_model: Any
) -> None:
    session = factories.finished(user)
    client.force_login(django_user_model.objects.create_user("eve"))
    assert session.title not in unescape(client.get("/?owner=all").content.decode())
