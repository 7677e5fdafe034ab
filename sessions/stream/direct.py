"""Writes to uvicorn's connection of one response at once, without waking the task that serves it.

Most of what a delivery costs is waking a task and passing its bytes through ASGI. A client that waits and takes what we
write needs neither: the bytes of an event are framed once and handed to every such connection. It rests on names inside
uvicorn, so whoever lacks one of them (another server, a wrapper around ``send``) is served through ASGI as usual.
"""

from typing import Any, Protocol

_NEEDED = ("chunked_encoding", "disconnected", "flow", "transport")


class Writer(Protocol):
    """One client's connection. ``ready``: it takes bytes now; nothing waits in front of them."""

    @property
    def ready(self) -> bool: ...

    def write(self, body: bytes) -> None: ...


class _Chunk:
    """The HTTP chunk of the newest body; many clients get the same one in a row."""

    def __init__(self) -> None:
        self._body = self._chunk = b""

    def of(self, body: bytes) -> bytes:
        if body is not self._body:
            self._body, self._chunk = body, b"%x\r\n%b\r\n" % (len(body), body)
        return self._chunk


_newest = _Chunk()


class Direct:
    """A ``Writer`` for uvicorn's ``RequestResponseCycle``, whose response has begun."""

    __slots__ = ("_cycle", "_flow", "_transport")

    def __init__(self, cycle: Any) -> None:
        self._cycle, self._flow, self._transport = cycle, cycle.flow, cycle.transport

    @property
    def ready(self) -> bool:
        return not (self._flow.write_paused or self._cycle.disconnected or self._transport.is_closing())

    def write(self, body: bytes) -> None:
        self._transport.write(_newest.of(body))


def writer(send: Any) -> Direct | None:
    """The direct way of a response that was begun through ``send``, or ``None`` where there is none."""
    cycle: Any = getattr(send, "__self__", None)
    if all(hasattr(cycle, name) for name in _NEEDED) and cycle.chunked_encoding is True:
        return Direct(cycle)
    return None
