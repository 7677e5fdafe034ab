"""Fixtures of the engine's tests."""

from collections.abc import Callable

import pytest

from sessions.models import Session
from sessions.services.start import start
from tests.engine.lab import Lab
from tests.engine.thread import Thread


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


@pytest.fixture
def thread(transactional_db: None, make_session: Callable[..., Session]) -> Thread:
    """A session that is being driven: it has a checkpoint."""
    held = Thread(start(make_session()))
    held.put(n=0)
    return held


@pytest.fixture
def new(transactional_db: None, make_session: Callable[..., Session]) -> Thread:
    """A session that nobody has driven, about to be driven."""
    claimed = Thread(start(make_session()))
    claimed.saver.begin(str(claimed.session.pk), empty=True)
    return claimed
