"""A PostgreSQL server of our own, which may be stopped and started while the others' goes on."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bo1site.resilience.breaker import Rules
from bo1site.resilience.gate import Gate
from bo1site.resilience.pools import Pool
from tests.own_server import OwnServer


@pytest.fixture
def server(own_server: OwnServer) -> Path:
    return own_server.data


@pytest.fixture
def server_url(own_server: OwnServer) -> str:
    return own_server.url()  # running again, whatever the test before did


@pytest.fixture
def make_pool(server_url: str) -> Iterator[Callable[..., Pool]]:
    made: list[Pool] = []

    def make(size: int = 3, *, timeout: float = 2.0, cooldown: float = 0.3, spacing: float = 0.0) -> Pool:
        gate = Gate("test", Rules(cooldown=cooldown, lease=5), spacing=spacing)
        options: dict[str, Any] = {"min_size": 1, "max_size": size, "timeout": timeout, "open": True}
        pool = Pool(gate=gate, role="test", check=True, conninfo=server_url, **options)
        made.append(pool)
        return pool

    yield make
    for pool in made:
        pool.close()
