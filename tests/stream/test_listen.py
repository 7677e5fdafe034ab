"""The doorbell's connection: every notice is heard, and a silent server is noticed (SS1, SS6)."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest
from django.db import connection as django

from sessions.stream import listen
from sessions.stream.connections import connect, conninfo
from tests.stream.client import until
from tests.stream.conftest import do

pytestmark = pytest.mark.django_db(transaction=True)


@asynccontextmanager
async def listening(heard: list[str]) -> AsyncIterator[tuple[psycopg.AsyncConnection[Any], asyncio.Task[None]]]:
    async with await connect(conninfo(), "test-listen") as connection:
        await connection.execute("LISTEN of_a_test")
        hearing = asyncio.create_task(listen.hear(connection, lambda channel, payload: heard.append(payload)))
        yield connection, hearing
        hearing.cancel()
        await asyncio.wait([hearing])


def notify(*payloads: int) -> None:
    with django.cursor() as cursor:
        for payload in payloads:
            cursor.execute("SELECT pg_notify('of_a_test', %s)", [str(payload)])


async def test_every_notice_is_heard_once_also_beside_the_questions_to_the_server(monkeypatch) -> None:
    monkeypatch.setattr(listen, "ASK_EVERY", 0.001)
    heard: list[str] = []
    async with listening(heard):
        for start in range(0, 300, 10):
            await do(notify, *range(start, start + 10))
        await until(lambda: len(heard) >= 300)
    assert heard == [str(n) for n in range(300)]


async def test_a_killed_connection_is_noticed_at_once() -> None:
    async with listening([]) as (connection, hearing):

        def kill() -> None:
            with django.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])

        await do(kill)
        with pytest.raises(psycopg.OperationalError):
            await asyncio.wait_for(hearing, 5)


async def test_a_server_that_is_silent_for_ever_is_noticed(monkeypatch) -> None:
    """A half-open connection: nothing comes, and nothing says that it is broken."""
    monkeypatch.setattr(listen, "ASK_EVERY", 0.1)
    monkeypatch.setattr(listen, "PATIENCE", 0.5)
    async with listening([]) as (connection, hearing):
        backend = connection.info.backend_pid
        await asyncio.sleep(0)
        os.kill(backend, signal.SIGSTOP)
        try:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.shield(hearing), 20)
            assert hearing.done()  # by itself, and not by our patience
        finally:
            os.kill(backend, signal.SIGCONT)
