"""HTTP over bare ASGI: bodies, JSON, event streams, and the ways a connection can end badly."""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from typing import Any, Protocol, cast

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = Sequence[tuple[str, str]]

LARGEST_BODY = 32 * 1024 * 1024
EVENTS: Headers = (("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache"))
# At most this many pauses spread a stream over its latency: each one costs a timer and a write.
PAUSES = 12


class BodyTooLarge(Exception):
    """The request body exceeds LARGEST_BODY bytes."""


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


async def read_body(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > LARGEST_BODY:
            raise BodyTooLarge
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def encode(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


async def start(send: Send, status: int, headers: Headers) -> None:
    raw = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers]
    await send({"type": "http.response.start", "status": status, "headers": raw})


async def send_body(send: Send, status: int, body: bytes, headers: Headers) -> None:
    await start(send, status, [*headers, ("content-length", str(len(body)))])
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def send_json(send: Send, status: int, value: object, headers: Headers = ()) -> None:
    await send_body(send, status, encode(value), [("content-type", "application/json"), *headers])


async def send_frames(send: Send, frames: Sequence[bytes], seconds: float, *, more: bool = False) -> None:
    """Sends a stream's frames, spread over `seconds`; the last one ends the body unless `more`."""
    size = max(1, -(-len(frames) // PAUSES)) if seconds else len(frames)
    groups = [b"".join(frames[at : at + size]) for at in range(0, len(frames), size)] if frames else []
    for number, group in enumerate(groups):
        if seconds and number:
            await asyncio.sleep(seconds / len(groups))
        last = number == len(groups) - 1
        await send({"type": "http.response.body", "body": group, "more_body": more or not last})
    if not groups and not more:
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def hold(receive: Receive, seconds: float) -> None:
    """Waits until the client hangs up, at most `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        pass


class _Transport(Protocol):
    def abort(self) -> None: ...
    def close(self) -> None: ...
    def get_extra_info(self, name: str) -> Any: ...


async def hang_up(send: Send, receive: Receive, *, reset: bool) -> None:
    """Ends the connection below HTTP: `reset` sends an RST, otherwise it is closed with no (further) word.

    ASGI has no message for this, so the server's transport is taken from the bound `send`. A server that hides it gets
    an exception, which makes it close the connection once a response has started.
    """
    transport = cast("_Transport | None", getattr(getattr(send, "__self__", None), "transport", None))
    if transport is None:
        raise ConnectionAbortedError("the fault asks for the connection to be closed")
    if reset:
        connection = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()
    await hold(receive, 5.0)


def split(text: str, size: int) -> Iterable[str]:
    """Pieces of at most `size` characters; no piece is empty."""
    return (text[at : at + size] for at in range(0, len(text), size))
