"""Fixtures of the engine's tests."""

from collections.abc import Callable

import pytest

from sessions.models import Session
from sessions.services.start import start
from tests.engine.lab import Lab


@pytest.fixture
def lab(transactional_db: None) -> Lab:
    return Lab()


@pytest.fixture
def forkable(monkeypatch: pytest.MonkeyPatch, lab: Lab) -> Lab:
    """Forks copy the checkpoint with the graph that made it: here the lab's."""
    monkeypatch.setattr("sessions.services.forking.build", lab.make_graph)
    return lab


@pytest.fixture
def queued(transactional_db: None, make_session: Callable[..., Session]) -> Callable[[], Session]:
    """Makes sessions that wait in line."""

    def make() -> Session:
        return start(make_session())

    return make
