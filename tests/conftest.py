"""Fixtures that every test may use."""

import os
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from sessions.models import Session
from sessions.services.start import Decision, create

PROBLEM = (
    "We have to decide by Friday whether to move our 14-person support team from Leeds to Lisbon or to keep it where it"
    " is and hire four people there instead."
)


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """Two runs on one server stay apart by ``TEST_DB_NAME``."""
    from django.conf import settings

    settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = os.environ.get("TEST_DB_NAME", "test_board")


@pytest.fixture
def user(db: None) -> Any:
    return get_user_model().objects.create_user("ada", "ada@example.org", "a-long-enough-secret")


@pytest.fixture
def staff(db: None) -> Any:
    return get_user_model().objects.create_superuser("grace", "grace@example.org", "a-long-enough-secret")


@pytest.fixture
def make_session(user: Any) -> Callable[..., Session]:
    """A draft session of ``user`` (or ``owner=``), with ``problem=`` and the other fields of ``Decision``."""

    def make(owner: Any = None, problem: str = PROBLEM, **fields: Any) -> Session:
        return create(owner or user, Decision(problem, **fields))

    return make
