"""The least that could serve these streams: a bare ASGI endpoint on the same table. No users, no limits, no gaps."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import psycopg

PAGE = "SELECT sequence, type, data::text FROM board_event WHERE session_id = %s AND sequence > %s ORDER BY 1 LIMIT 500"


class Board:
    def __init__(self) -> None:
        self.reads: psycopg.AsyncConnection[Any] | None = None
        self.lock = asyncio.Lock()
        self.last: dict[str, list[tuple[int, bytes]]] = {}
        self.waiting: dict[str, set[asyncio.Event]] = {}

    async def start(self) -> None:
        async with self.lock:
            if self.reads is None:
                url = os.environ["DATABASE_URL"]
                self.reads = await psycopg.AsyncConnection.connect(url, autocommit=True)
                bell = await psycopg.AsyncConnection.connect(url, autocommit=True)
                await bell.execute("LISTEN board_events")
                self.task = asyncio.create_task(self.hear(bell))

    async def hear(self, bell: psycopg.AsyncConnection[Any]) -> None:
        async for notice in bell.notifies():
            session, _, _ = notice.payload.partition(":")
            if self.waiting.get(session):
                memory = self.last.get(session, [])
                rows = await self.page(session, memory[-1][0] if memory else int(notice.payload.split(":")[1]) - 1)
                self.last[session] = (memory + rows)[-256:]
                for event in self.waiting[session]:
                    event.set()

    async def page(self, session: str, last: int) -> list[tuple[int, bytes]]:
        assert self.reads is not None
        async with self.lock:
            rows = await (await self.reads.execute(PAGE, (session, last))).fetchall()
        return [(n, f"event: {type_}\nid: {n}\ndata: {data}\n\n".encode()) for n, type_, data in rows]


board = Board()
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def app(scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]], send: Send) -> None:
    await board.start()
    session = scope["path"].split("/")[4]
    query = parse_qs(scope["query_string"].decode())
    last = int(query.get("lastEventId", ["0"])[0])
    headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b": ok\n\n", "more_body": True})
    wake = asyncio.Event()
    board.waiting.setdefault(session, set()).add(wake)

    async def pump(last: int) -> None:
        level = False  # with the table; from then on memory will do
        while True:
            wake.clear()
            memory = board.last.get(session, [])
            if level and memory and memory[0][0] <= last + 1:
                rows = memory[max(0, last + 1 - memory[0][0]) :]
            else:
                rows = await board.page(session, last)
                level = not rows
            if rows:
                last = rows[-1][0]
                body = rows[0][1] if len(rows) == 1 else b"".join(frame for _, frame in rows)
                await send({"type": "http.response.body", "body": body, "more_body": True})
                continue
            try:
                async with asyncio.timeout(15):
                    await wake.wait()
            except TimeoutError:
                await send({"type": "http.response.body", "body": b": keepalive\n\n", "more_body": True})

    pumping = asyncio.create_task(pump(last))
    try:
        while (await receive())["type"] != "http.disconnect":
            pass
    finally:
        pumping.cancel()
        board.waiting[session].discard(wake)
        if not board.waiting[session]:
            board.last.pop(session, None)
