"""Who listens, and whether they still may. Synchronous: for a thread, never for the event loop."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user
from django.db import connection
from django.http import HttpRequest
from rest_framework.authentication import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed

from sessions.models import Session


@dataclass(frozen=True, slots=True)
class Reader:
    """A signed-in user and the credential that said so: a login session's key or an API token."""

    user_id: Any
    login: str = ""
    token: str = ""


class NotSignedIn(Exception):
    """No credential, or one that is not valid (any more). ``code`` is the API's."""

    def __init__(self, detail: str, code: str = "not_authenticated") -> None:
        super().__init__(detail)
        self.code = code


def identify(request: HttpRequest) -> tuple[Any, Reader]:
    """The user of a request and how we know. Needs no middleware. Raises ``NotSignedIn``."""
    try:
        found = TokenAuthentication().authenticate(request)  # type: ignore[arg-type]
    except AuthenticationFailed as error:
        raise NotSignedIn(str(error.detail), "invalid_token") from error
    if found is not None:
        return found[0], Reader(found[0].pk, token=found[1].key)
    if not hasattr(request, "session"):
        engine = import_module(settings.SESSION_ENGINE)
        request.session = engine.SessionStore(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    user = get_user(request)
    if not user.is_authenticated:
        raise NotSignedIn("Sign in, or send a token.")
    return user, Reader(user.pk, login=request.session.session_key or "")


def may_still_read(reader: Reader, session_id: UUID) -> bool:
    """Whether the credential of an open stream would open it again. Gives its database connection back."""
    return _still(reader, lambda user: Session.objects.visible_to(user).filter(pk=session_id).exists())


def exists(session_id: UUID) -> bool:
    """Whether there is such a session, whoever may read it. Gives its database connection back."""
    try:
        return Session.objects.filter(pk=session_id).exists()
    finally:
        connection.close()


def may_still_oversee(reader: Reader, *, everybody: bool) -> bool:
    """The same for a stream of many sessions: their own, or everybody's."""
    return _still(reader, lambda user: not everybody or may_oversee(user))


def may_oversee(user: Any) -> bool:
    """Whether ``user`` may see everybody's sessions."""
    return bool(user.is_staff and user.has_perm("board.view_session"))


def _still(reader: Reader, allowed: Callable[[Any], bool]) -> bool:
    request = HttpRequest()
    if reader.token:
        request.META["HTTP_AUTHORIZATION"] = f"Token {reader.token}"
    else:
        request.COOKIES[settings.SESSION_COOKIE_NAME] = reader.login
    try:
        user, now = identify(request)
        return now.user_id == reader.user_id and allowed(user)
    except NotSignedIn:
        return False
    finally:
        connection.close()
