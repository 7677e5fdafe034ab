"""A small client of server-sent events over a plain socket: nothing between the test and the bytes."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Message:
    """One dispatched event; ``id`` is ``None`` when the message carried none."""

    type: str
    data: Any
    id: int | None


@dataclass
class Stream:
    """An open response. ``comments`` and ``retries`` grow while messages are read."""

    status: int
    headers: dict[str, str]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    comments: list[str] = field(default_factory=list)
    retries: list[int] = field(default_factory=list)
    _rest: bytes = b""
    _ended: bool = False

    async def blocks(self) -> AsyncIterator[str]:
        """The blocks between blank lines, until the server ends the body."""
        while True:
            while b"\n\n" in self._rest:
                block, self._rest = self._rest.split(b"\n\n", 1)
                yield block.decode()
            if self._ended:
                return
            await self._chunk()

    async def _chunk(self) -> None:
        size = int(await self.reader.readline() or b"0", 16)
        data = await self.reader.readexactly(size + 2)
        self._ended = size == 0
        self._rest += data[:-2]

    async def messages(self) -> AsyncIterator[Message]:
        async for block in self.blocks():
            fields: dict[str, str] = {}
            for line in block.split("\n"):
                name, _, value = line.partition(":")
                value = value.removeprefix(" ")
                if not name:
                    self.comments.append(value)
                elif name == "retry":
                    self.retries.append(int(value))
                else:
                    fields[name] = fields[name] + "\n" + value if name in fields else value
            if "data" in fields:
                number = int(fields["id"]) if "id" in fields else None
                yield Message(fields.get("event", "message"), json.loads(fields["data"]), number)

    async def take(self, count: int, seconds: float = 10) -> list[Message]:
        """The next ``count`` messages; fails when the stream ends or the time is up before."""
        found: list[Message] = []
        async with asyncio.timeout(seconds):
            async for message in self.messages():
                found.append(message)
                if len(found) == count:
                    return found
        raise AssertionError(f"the stream ended after {len(found)} of {count} messages")

    async def rest(self, seconds: float = 10) -> list[Message]:
        """Everything until the server ends the stream."""
        async with asyncio.timeout(seconds):
            return [message async for message in self.messages()]

    async def body(self) -> Any:
        """The JSON of a response that is no stream."""
        raw = await self.reader.readexactly(int(self.headers.get("content-length", 0)))
        return json.loads(raw) if raw else None

    async def close(self) -> None:
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()


async def until(condition: Callable[[], Any], *, seconds: float = 10) -> None:
    """Wait for ``condition`` without holding up the loop."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (what is awaited lies in another thread or process)
            await asyncio.sleep(0.02)


@asynccontextmanager
async def get(url: str, *, limit: int = 2**22, **headers: str) -> AsyncIterator[Stream]:
    """GET ``url``; header names are written with underscores. The connection is dropped at the end of the ``with``."""
    stream = await connect(url, limit=limit, **headers)
    try:
        yield stream
    finally:
        await stream.close()


async def connect(url: str, *, limit: int = 2**22, **headers: str) -> Stream:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=limit)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [f"GET {target} HTTP/1.1", f"Host: {parts.netloc}", "Accept: text/event-stream"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin1")
    found = {name.lower(): value.strip() for name, value in re.findall(r"^([\w-]+):(.*)$", head, re.MULTILINE)}
    return Stream(int(head.split(" ", 2)[1]), found, reader, writer)
