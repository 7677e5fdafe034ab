"""Streams are tested over real HTTP, from a real server, with events committed by real transactions."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.test import Client

from sessions import events
from sessions.models import Session
from tests.stream.web import Web, serving


@pytest.fixture
def web(transactional_db: None) -> Iterator[Web]:
    with serving() as server:
        yield server


@pytest.fixture
def login(transactional_db: None) -> Callable[[Any], dict[str, str]]:
    """Headers of a signed-in browser."""

    def headers(user: Any) -> dict[str, str]:
        client = Client()
        client.force_login(user)
        return {"Cookie": f"sessionid={client.cookies['sessionid'].value}"}

    return headers


@pytest.fixture
def write(transactional_db: None) -> Callable[..., int]:
    """Append ``count`` interjections to a session in one transaction; returns the new head."""

    def append(session: Session, count: int = 1, text: str = "Think of the families.") -> int:
        drafts = [events.Draft("interjection", {"text": f"{text} {n}"}) for n in range(count)]
        return events.append(session.pk, drafts)

    return append


@pytest.fixture
def set_status(transactional_db: None) -> Callable[..., int]:
    """Force a status together with an event, past the table of legal changes; returns the new head."""

    def change(session: Session, status: str, type_: str = "", data: dict[str, Any] | None = None) -> int:
        from django.db import transaction

        with transaction.atomic():
            Session.objects.filter(pk=session.pk).update(status=status)
            default = {"code": "x", "message": "x", "recoverable": True} if status == "failed" else {}
            return events.append(session.pk, [events.Draft(type_ or f"session_{status}", data or default)])

    return change


async def do(function: Any, *args: Any, **kwargs: Any) -> Any:
    """Call something that uses the database, and leave no connection behind in the thread that did."""

    def call() -> Any:
        try:
            return function(*args, **kwargs)
        finally:
            connection.close()

    return await sync_to_async(call)()
