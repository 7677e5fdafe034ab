"""What a session may spend, for the broker, which knows no sessions."""

from uuid import UUID

from llm.budget import Budget
from sessions.models import Session


def read(session_id: UUID) -> Budget | None:
    """The session's cost cap (US dollars) and deadline; None for an id that is no session."""
    found = Session.objects.filter(pk=session_id).values_list("cost_cap", "deadline").first()
    return Budget(*found) if found else None
