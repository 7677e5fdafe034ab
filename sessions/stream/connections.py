"""The hub's few connections to PostgreSQL: asynchronous, direct, none of them kept for a stream."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import psycopg
from django.conf import settings
from django.db import connections
from psycopg.conninfo import make_conninfo

log = logging.getLogger(__name__)

#: Idle connections kept at most (two pages of a long history are read side by side), and seconds for which more than
#: one is kept.
KEPT, LINGER = 2, 5.0

#: Options of Django's backend that libpq does not know.
_NOT_LIBPQ = {"pool", "server_side_binding", "isolation_level", "assume_role", "application_name"}


def conninfo() -> str:
    """Where the hub connects to: the default database, or ``DATABASE_LISTEN_URL`` where that one is behind a pooler
    (a pooler in transaction mode takes LISTEN and never delivers)."""
    direct: str = settings.DATABASE_LISTEN_URL
    if direct:
        return direct
    given = connections["default"].settings_dict
    names = {"HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password", "NAME": "dbname"}
    fields = {libpq: str(given[name]) for name, libpq in names.items() if given.get(name)}
    options = {name: value for name, value in given.get("OPTIONS", {}).items() if name not in _NOT_LIBPQ}
    return make_conninfo(**fields, **options, connect_timeout=3)


async def connect(info: str, name: str) -> psycopg.AsyncConnection[Any]:
    """An autocommit connection that notices a dead peer within half a minute."""
    return await psycopg.AsyncConnection.connect(
        info,
        autocommit=True,
        prepare_threshold=1,
        application_name=name,
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
    )


class Connections:
    """At most ``size`` connections at once, one of them kept between uses, and ``KEPT`` for a while.

    psycopg's own pool waits ever longer between attempts while the server is away; here the next use simply tries.
    """

    def __init__(self, info: str, *, size: int = 4, name: str = "bo1-stream") -> None:
        self.info, self.name = info, name
        self._slots = asyncio.Semaphore(size)
        self._idle: list[psycopg.AsyncConnection[Any]] = []
        self._several = 0.0  # when more than one was idle the last time
        self._trimming: asyncio.Task[None] | None = None

    async def rows(self, query: Any, params: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Run a read-only statement; a connection that died while it was idle is replaced once."""
        async with self._slots:
            while True:
                reused = bool(self._idle)
                try:
                    async with self._connection() as connection, connection.cursor(binary=True) as cursor:
                        await cursor.execute(query, params)
                        return await cursor.fetchall()
                except psycopg.OperationalError:
                    if not reused:
                        raise

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        connection = self._idle.pop() if self._idle else await connect(self.info, self.name)
        try:
            yield connection
        except BaseException:
            with suppress(Exception):
                await connection.close()
            raise
        if len(self._idle) >= KEPT and not self._slots.locked():
            await connection.close()
            return
        self._idle.append(connection)
        if len(self._idle) > 1:
            self._several = asyncio.get_running_loop().time()
            if self._trimming is None or self._trimming.done():
                self._trimming = asyncio.create_task(self._trim())

    async def _trim(self) -> None:
        clock = asyncio.get_running_loop().time
        while (wait := self._several + LINGER - clock()) > 0:  # noqa: ASYNC110 (it moves on while we sleep)
            await asyncio.sleep(wait)
        while len(self._idle) > 1:
            await self._idle.pop(0).close()

    async def close(self) -> None:
        if self._trimming is not None:
            self._trimming.cancel()
        while self._idle:
            await self._idle.pop().close()
