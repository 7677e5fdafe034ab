"""Who may read."""

from uuid import UUID

from django.http import Http404, HttpRequest

from sessions.models import Session
from sessions.services.access import NotAllowed, require


def readable(request: HttpRequest, pk: UUID) -> Session:
    """The session, if its reader may see it; anything else is a 404, so that ids cannot be probed."""
    try:
        return Session.objects.visible_to(request.user).select_related("owner").get(pk=pk)
    except Session.DoesNotExist:
        raise Http404("There is no such decision among yours.") from None


def may_control(user: object, session: Session) -> bool:
    """Whether to show the buttons; the services ask again."""
    try:
        require(user, session)
    except NotAllowed:
        return False
    return True
