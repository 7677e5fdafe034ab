"""Hears NOTIFY on one connection. psycopg's own generator looks up ten times a second and costs a notice 0.2 ms."""

import asyncio
from collections.abc import Callable
from typing import Any

import psycopg

#: Seconds after which the server is asked whether it is still there, and seconds it has to answer.
ASK_EVERY, PATIENCE = 10.0, 5.0


async def hear(connection: psycopg.AsyncConnection[Any], on_notice: Callable[[str, str], None]) -> None:
    """Call ``on_notice(channel, payload)`` for every notice, until the connection is lost.

    Raises ``psycopg.Error`` or ``TimeoutError`` then: a half-open connection would be silent for ever, so it is asked.
    """
    loop, pgconn, number = asyncio.get_running_loop(), connection.pgconn, connection.fileno()
    lost: asyncio.Future[None] = loop.create_future()

    def read() -> None:
        try:
            pgconn.consume_input()
            while notice := pgconn.notifies():
                on_notice(notice.relname.decode(), notice.extra.decode())
        except Exception as error:
            loop.remove_reader(number)
            if not lost.done():
                lost.set_exception(error)

    connection.add_notify_handler(lambda notice: on_notice(notice.channel, notice.payload))  # those beside an answer
    try:
        while True:
            loop.add_reader(number, read)
            read()  # what the answer before left in the buffer
            await asyncio.wait([lost], timeout=ASK_EVERY)
            if lost.done():
                lost.result()
            loop.remove_reader(number)
            async with asyncio.timeout(PATIENCE):
                await connection.execute("SELECT 1")
    finally:
        loop.remove_reader(number)
        lost.cancel()
