"""Streams are tested over real HTTP, from a real server, with events committed by real transactions."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client

from sessions import events
from sessions.models import Session
from tests import emptying
from tests.stream.web import Web, serving


@pytest.fixture(scope="module")
def _emptied_afterwards(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Other tests expect an empty database; within a module every test brings users and sessions of its own."""
    yield
    with django_db_blocker.unblock():
        emptying.empty()
        connection.close()


@pytest.fixture
def _django_db_helper(_emptied_afterwards: None, django_db_blocker: Any) -> Iterator[None]:
    """What ``django_db`` means in this directory: what is written is committed, as the web process needs it, and stays
    until the module is over. Emptying the database after every test would take longer than the tests."""
    with django_db_blocker.unblock():
        yield
        connection.close()


@pytest.fixture
def add_user(db: None) -> Callable[..., Any]:
    def add(**fields: Any) -> Any:
        return get_user_model().objects.create_user(f"user-{uuid4().hex[:12]}", password=None, **fields)

    return add


@pytest.fixture
def user(add_user: Callable[..., Any]) -> Any:
    return add_user()


@pytest.fixture
def staff(add_user: Callable[..., Any]) -> Any:
    return add_user(is_staff=True, is_superuser=True)


@pytest.fixture
def web(db: None) -> Iterator[Web]:
    with serving() as server:
        yield server


@pytest.fixture
def login(db: None) -> Callable[[Any], dict[str, str]]:
    """Headers of a signed-in browser."""

    def headers(user: Any) -> dict[str, str]:
        client = Client()
        client.force_login(user)
        return {"Cookie": f"sessionid={client.cookies['sessionid'].value}"}

    return headers


@pytest.fixture
def write(db: None) -> Callable[..., int]:
    """Append ``count`` interjections to a session in one transaction; returns the new head."""

    def append(session: Session, count: int = 1, text: str = "Think of the families.") -> int:
        drafts = [events.Draft("interjection", {"text": f"{text} {n}"}) for n in range(count)]
        return events.append(session.pk, drafts)

    return append


@pytest.fixture
def set_status(db: None) -> Callable[..., int]:
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
