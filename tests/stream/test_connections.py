"""The hub's connections: as many as are needed at once, and one when nothing is asked (SS8)."""

import asyncio

import pytest

from sessions.stream import connections
from sessions.stream.connections import Connections, conninfo
from tests.stream.conftest import do

pytestmark = pytest.mark.django_db(transaction=True)


def backends() -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'test-reads'")
        return int(cursor.fetchone()[0])


async def test_a_rush_is_answered_by_several_and_given_back_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "LINGER", 0.3)
    reads = Connections(conninfo(), size=4, name="test-reads")
    try:
        rows = await asyncio.gather(*(reads.rows("SELECT pg_backend_pid() FROM pg_sleep(0.2)", []) for _ in range(12)))
        assert len({pid for [(pid,)] in rows}) >= 4
        first = [await reads.rows("SELECT pg_backend_pid()", []) for _ in range(3)]
        assert len({pid for [(pid,)] in first}) == 1  # one after the other needs one
        for _ in range(100):
            if await do(backends) == 1:
                break
            await asyncio.sleep(0.05)
        assert await do(backends) == 1
    finally:
        await reads.close()


async def test_a_killed_idle_connection_is_replaced_unseen() -> None:
    reads = Connections(conninfo(), name="test-reads")
    try:
        [(pid,)] = await reads.rows("SELECT pg_backend_pid()", [])
        other = Connections(conninfo(), name="test-killer")
        await other.rows("SELECT pg_terminate_backend(%s)", [pid])
        await other.close()
        assert await reads.rows("SELECT 1", []) == [(1,)]
    finally:
        await reads.close()
