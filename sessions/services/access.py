"""Who may do what to a session."""

from typing import Any

from sessions.models import Session


class NotAllowed(Exception):
    """The actor may not do this. Pages and API answer 404 to whom the session is not even visible."""

    code = "not_allowed"


def require(actor: Any, session: Session, permission: str = "board.control_session") -> None:
    """Let pass the owner, holders of ``permission``, and the system (a name instead of a user); else ``NotAllowed``."""
    if not hasattr(actor, "has_perm") or actor.pk == session.owner_id or actor.has_perm(permission):
        return
    raise NotAllowed("Only the session's owner and staff with the permission to control sessions may do this.")


def require_staff(actor: Any, permission: str) -> None:
    """Let pass holders of ``permission`` and the system; else ``NotAllowed``."""
    if hasattr(actor, "has_perm") and not actor.has_perm(permission):
        raise NotAllowed("This needs a permission that your account does not have.")
