"""Recognises an owner who comes (back) to their own session without the ORM, a thread or a pooled connection.

A storm of reconnects waits for nothing else: two statements of 0.1 ms here are 1.5 ms in the usual way. It only ever
says yes, and only to what is certain: the owner, active, with a token or with a login of Django's own kind. Everything
else (staff, no credential, a wrong one, somebody else's session) goes the usual way, which alone refuses.
"""

from functools import cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session as Login
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from rest_framework.authtoken.models import Token

from sessions.stream.connections import Connections
from sessions.stream.credentials import Reader
from sessions.stream.hub import AWAY

_ENGINE, _BACKEND = "django.contrib.sessions.backends.db", "django.contrib.auth.backends.ModelBackend"

#: The reader, the session's status and its newest sequence.
Found = tuple[Reader, str, int]


async def recognise(request: HttpRequest, pk: UUID, reads: Connections) -> Found | None:
    """Who asks for their own session ``pk``, or ``None``: then ask the usual way."""
    try:
        authorization = request.headers.get("Authorization")
        if authorization:
            return await _by_token(authorization, pk, reads)
        if settings.SESSION_ENGINE == _ENGINE and settings.AUTHENTICATION_BACKENDS == [_BACKEND]:
            return await _by_login(request.COOKIES.get(settings.SESSION_COOKIE_NAME, ""), pk, reads)
    except AWAY:
        pass
    return None


async def _by_token(authorization: str, pk: UUID, reads: Connections) -> Found | None:
    kind, _, key = authorization.partition(" ")
    if kind.lower() != "token" or not (key.isascii() and key.isalnum()):
        return None
    rows = await reads.rows(_statements()["token"], [pk, key])
    return (Reader(rows[0][0], token=key), rows[0][1], rows[0][2]) if rows else None


async def _by_login(key: str, pk: UUID, reads: Connections) -> Found | None:
    if not (key.isascii() and key.isalnum()):
        return None
    rows = await reads.rows(_statements()["login"], [key])
    login: dict[str, Any] = SessionStore().decode(rows[0][0]) if rows else {}
    if login.get(BACKEND_SESSION_KEY) != _BACKEND:
        return None
    user_id = get_user_model()._meta.pk.to_python(login[SESSION_KEY])
    rows = await reads.rows(_statements()["owner"], [pk, user_id])
    if not rows:
        return None
    password, status, head = rows[0]
    user = get_user_model()(pk=user_id, password=password)
    if not constant_time_compare(login.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash()):
        return None
    return Reader(user_id, login=key), status, head


@cache
def _statements() -> dict[str, str]:
    user = get_user_model()._meta
    assert user.pk is not None
    owned = (
        f"JOIN board_session s ON s.owner_id = u.{user.pk.column} AND s.id = %s"
        f" WHERE u.is_active AND "
    )  # fmt: skip
    return {
        "token": f"SELECT u.{user.pk.column}, s.status, s.last_sequence FROM {Token._meta.db_table} t"  # noqa: S608
        f" JOIN {user.db_table} u ON u.{user.pk.column} = t.user_id {owned} t.key = %s",
        "login": f"SELECT session_data FROM {Login._meta.db_table}"  # noqa: S608
        " WHERE session_key = %s AND expire_date > now()",
        "owner": f"SELECT u.password, s.status, s.last_sequence FROM {user.db_table} u"  # noqa: S608
        f" {owned} u.{user.pk.column} = %s",
    }
