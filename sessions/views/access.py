"""Who may read and who may act."""

from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import Http404, HttpRequest

from sessions.models import Session


def readable(request: HttpRequest, pk: UUID) -> Session:
    """The session, if its reader may see it; anything else is a 404, so that ids cannot be probed."""
    try:
        return Session.objects.visible_to(request.user).select_related("owner").get(pk=pk)
    except Session.DoesNotExist:
        raise Http404("There is no such decision among yours.") from None


def controllable(request: HttpRequest, pk: UUID) -> Session:
    """The session, if the reader may also change its course: its owner, or staff with the permission."""
    session = readable(request, pk)
    if not may_control(request.user, session):
        raise Http404("There is no such decision among yours.")
    return session


def may_control(user: AbstractBaseUser | AnonymousUser, session: Session) -> bool:
    person: Any = user
    return bool(session.owner_id == person.pk or (person.is_staff and person.has_perm("board.control_session")))
