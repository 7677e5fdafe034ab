"""The short way in for owners says yes only where the usual way would (SS8)."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.sessions.models import Session as Login
from django.test import RequestFactory, override_settings
from django.utils import timezone
from rest_framework.authtoken.models import Token

from sessions.stream import admission, quick
from sessions.stream.connections import Connections, conninfo
from tests.stream.conftest import do

pytestmark = pytest.mark.django_db(transaction=True)


def request(headers: dict[str, str]) -> Any:
    made = RequestFactory().get("/", headers={k: v for k, v in headers.items() if k != "Cookie"})
    if "Cookie" in headers:
        made.COOKIES["sessionid"] = headers["Cookie"].split("=")[1]
    return made


async def ask(headers: dict[str, str], pk: Any) -> Any:
    reads = Connections(conninfo())
    try:
        return await quick.recognise(request(headers), pk, reads)
    finally:
        await reads.close()


def usual(headers: dict[str, str], pk: Any) -> Any:
    return admission._look_up(request(headers), lambda user: admission._session(pk, user))


@pytest.fixture
def token(user: Any) -> dict[str, str]:
    return {"Authorization": f"Token {Token.objects.create(user=user).key}"}


@pytest.mark.parametrize("how", ["token", "login"])
async def test_an_owner_is_recognised_as_the_usual_way_would(user, make_session, login, token, write, how: str) -> None:
    session = await do(make_session, owner=user)
    head = await do(write, session, 3)
    headers = token if how == "token" else await do(login, user)
    reader, status, sequence = await ask(headers, session.pk)
    assert (status, sequence) == ("created", head)
    assert await do(usual, headers, session.pk) == (reader, False, head)


@pytest.mark.parametrize("how", ["token", "login"])
@pytest.mark.parametrize("who", ["inactive", "somebody else", "staff", "no such session"])
async def test_anybody_else_goes_the_usual_way(add_user, make_session, login, how: str, who: str) -> None:
    owner = await do(add_user)
    session = await do(make_session, owner=owner)
    caller = owner if who == "inactive" else await do(add_user, is_staff=who == "staff", is_superuser=who == "staff")
    key = (await do(Token.objects.create, user=caller)).key
    headers = {"Authorization": f"Token {key}"} if how == "token" else await do(login, caller)
    if who == "inactive":
        await do(type(owner).objects.filter(pk=owner.pk).update, is_active=False)
    assert await ask(headers, uuid4() if who == "no such session" else session.pk) is None


@pytest.mark.parametrize("how", ["expired", "signed out", "other password", "forged", "of another backend"])
async def test_a_login_that_is_not_valid_any_more_goes_the_usual_way(
    user, make_session, login, how: str, monkeypatch: Any
) -> None:
    session = await do(make_session, owner=user)
    headers = await do(login, user)
    assert await ask(headers, session.pk) is not None
    mine = Login.objects.filter(session_key=headers["Cookie"].split("=")[1])
    if how == "expired":
        await do(mine.update, expire_date=timezone.now() - timedelta(seconds=1))
    elif how == "signed out":
        await do(mine.delete)
    elif how == "other password":
        user.set_password("another-long-enough-secret")
        await do(user.save)
    elif how == "forged":
        await do(mine.update, session_data="eyJfYXV0aF91c2VyX2lkIjoiMSJ9:1abc:xyz")
    else:
        monkeypatch.setattr(quick, "_BACKEND", "somewhere.else.Backend")
    assert await ask(headers, session.pk) is None


@pytest.mark.parametrize(
    "authorization",
    [
        "Token",
        "Token ",
        "Token nonsense",
        "Bearer {key}",
        "Token {key} {key}",
        "Token {key}x",
        "Basic YTpi",
        "{key}",
        "é",
    ],
)
async def test_an_odd_authorization_goes_the_usual_way(user, make_session, token, authorization: str) -> None:
    session = await do(make_session, owner=user)
    key = token["Authorization"].split()[1]
    assert await ask({"Authorization": authorization.format(key=key)}, session.pk) is None


@override_settings(AUTHENTICATION_BACKENDS=["django.contrib.auth.backends.ModelBackend", "other.Backend"])
async def test_a_deployment_with_other_backends_goes_the_usual_way(user, make_session, login) -> None:
    session = await do(make_session, owner=user)
    assert await ask(await do(login, user), session.pk) is None


async def test_a_database_that_is_away_is_left_to_the_usual_way(user, make_session, token) -> None:
    session = await do(make_session, owner=user)
    reads = Connections("host=/nowhere connect_timeout=1")
    assert await quick.recognise(request(token), session.pk, reads) is None


async def test_neither_credential_nor_session_is_needed_to_be_sent_the_usual_way(make_session, user) -> None:
    session = await do(make_session, owner=user)
    assert await ask({}, session.pk) is None
    assert await ask({"Cookie": "sessionid=x'; DROP TABLE board_session"}, session.pk) is None
