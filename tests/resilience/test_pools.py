"""The pool on a real server that really goes away (DB3, DB4)."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg_pool import PoolTimeout

from bo1site import embedded
from bo1site.resilience.breaker import Phase
from bo1site.resilience.pools import DatabaseAway, Pool
from tests.live import restart_server, wait_until

pytestmark = [pytest.mark.chaos, pytest.mark.slow]


def ask(pool: Pool) -> Any:
    connection = pool.getconn()
    try:
        row = connection.execute("SELECT 1").fetchone()
        return row[0] if row else None
    finally:
        pool.putconn(connection)


def test_the_load_counts_what_is_handed_out_and_who_waits(make_pool: Callable[..., Pool]) -> None:
    pool = make_pool(2, timeout=0.2)
    held = [pool.getconn(), pool.getconn()]
    with pytest.raises(PoolTimeout):
        pool.getconn()
    assert (pool.load().in_use, pool.load().waiting, pool.load().utilisation) == (2, 0, 1.0)
    for connection in held:
        pool.putconn(connection)
    assert pool.load().in_use == 0


def test_exhaustion_is_no_failure_of_the_server(make_pool: Callable[..., Pool]) -> None:
    pool = make_pool(1, timeout=0.05)
    held = pool.getconn()
    for _ in range(7):
        with pytest.raises(PoolTimeout):
            pool.getconn()
    assert pool.gate.state.phase is Phase.CLOSED
    pool.putconn(held)


def test_after_a_restart_of_the_server_the_next_request_is_served(make_pool: Callable[..., Pool], server: Path) -> None:
    pool = make_pool(4)
    for connection in [pool.getconn() for _ in range(4)]:
        pool.putconn(connection)
    restart_server(server)
    began = time.monotonic()
    assert ask(pool) == 1
    assert time.monotonic() - began < 1.5  # all four were broken; none cost a pause


def test_while_the_server_is_away_requests_are_refused_at_once_and_it_closes_by_itself(
    make_pool: Callable[..., Pool], server: Path
) -> None:
    pool = make_pool(4, timeout=5.0)
    ask(pool)
    embedded.control(server, "stop", "immediate")
    took = []
    for _ in range(6):
        began = time.monotonic()
        with pytest.raises(psycopg.OperationalError):
            ask(pool)
        took.append(time.monotonic() - began)
    assert max(took) < 2.5  # told at once that connecting failed, not after the pool's patience
    wait_until(lambda: refused(pool), seconds=5, what="the breaker to open")
    embedded.attach(server, own=False)
    assert wait_until(lambda: answers(pool), seconds=10, what="the breaker to close") == 1
    assert pool.gate.state.phase is Phase.CLOSED


def refused(pool: Pool) -> bool:
    try:
        ask(pool)
    except DatabaseAway as away:
        return away.retry_in > 0
    except psycopg.OperationalError:
        return False
    return False


def answers(pool: Pool) -> Any:
    try:
        return ask(pool)
    except psycopg.OperationalError:
        return None
