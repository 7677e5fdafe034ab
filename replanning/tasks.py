"""What the queue calls. Ids only; the work is in the services."""

from replanning.services import offer


def settle(session_id: str) -> None:
    offer.settle(session_id)
