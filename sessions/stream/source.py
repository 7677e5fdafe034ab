"""Where a stream's bytes come from: events of one session, and between them the words that are being written."""

import asyncio
from enum import Enum
from typing import Protocol

from sessions.stream import frames, metrics
from sessions.stream.hub import Hub
from sessions.stream.queries import PAGE
from sessions.stream.ring import RING_FRAMES, Channel, Cursor, Do, Gap, Page, Send
from sessions.stream.subscription import Subscription
from sessions.stream.voices import Heard

#: The longest one try to reach the database may take, in seconds.
PATIENCE = 10.0


class Now(Enum):
    WAIT = "nothing until the stream is woken"
    OVER = "nothing ever again"


class Source(Protocol):
    async def more(self) -> bytes | Now:
        """What to send next. Raises one of ``hub.AWAY``, then it is asked again soon, or ``SessionGone``."""

    def close(self) -> None:
        """The stream is over."""


class SessionSource:
    """``last``: the client's last id; ``head``: the table's newest sequence on admission."""

    __slots__ = (
        "_ahead", "_channel", "_cursor", "_far", "_head", "_heard", "_hub", "_last", "_session_id", "_subscription",
    )  # fmt: skip

    def __init__(self, hub: Hub, subscription: Subscription, last: int, head: int) -> None:
        self._hub, self._subscription, self._last, self._head = hub, subscription, last, head
        self._channel: Channel | None = None
        self._cursor: Cursor | None = None
        self._heard: Heard = {}
        self._session_id = subscription.session_id
        self._far = head - last > RING_FRAMES
        self._ahead: tuple[int, asyncio.Task[Page | None]] | None = None
        subscription.push = self.push

    def push(self) -> int:
        """Hand what is new to a client that waits, if its connection takes it now; how many events that were."""
        writer = self._subscription.writer
        if writer is None or self._cursor is None or self._channel is None or not writer.ready:
            return 0
        send = self._cursor.news(self._channel)
        if send is None:
            return 0
        writer.write(send.body)
        return send.count

    async def more(self) -> bytes | Now:
        channel, cursor = self._channel, self._cursor
        if channel is None or cursor is None:
            channel, cursor = self._apart() if self._far else await self._open(self._last, self._head)
        step = cursor.step(channel)
        if step is Do.WAIT and self._far:
            channel, cursor = await self._open(cursor.last, cursor.known)
            step = cursor.step(channel)
        if step is Do.READ:
            async with asyncio.timeout(PATIENCE):
                page = await self._read(cursor.last)
            gap, send = cursor.turn(page, channel)
            if channel.after(cursor.last) is None:
                self._read_ahead(cursor.last)
            return _encode(gap) + _encode(send) or Now.WAIT
        if isinstance(step, Gap | Send):
            return _encode(step)
        if step is Do.OVER:
            return Now.OVER
        if self._subscription.words_due:
            return self._words()
        return Now.WAIT

    async def _read(self, last: int) -> Page | None:
        """The page above ``last``: on a long way it is read while the one before it is being sent, or even read."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead[0] == last and (page := await ahead[1]):
            return page
        if last == self._last and self._head > last + PAGE:
            self._read_ahead(last + PAGE)
        return await self._hub.replay(self._session_id, last)

    def _read_ahead(self, last: int) -> None:
        """Have the page above ``last`` read, unless it is being read already. Never more than this one."""
        if self._ahead is not None:
            if self._ahead[0] == last:
                return
            self._ahead[1].cancel()
        self._ahead = last, asyncio.create_task(self._hub.replay(self._session_id, last))

    def close(self) -> None:
        self._subscription.push = None
        if self._ahead is not None:
            self._ahead[1].cancel()

    def _apart(self) -> tuple[Channel, Cursor]:
        """A channel of its own for a client that is far behind: what is new concerns it only when it has come near."""
        self._channel = channel = Channel(self._session_id)
        channel.settle(self._head, False, [])
        self._cursor = cursor = Cursor(self._last, self._head, channel)
        return channel, cursor

    async def _open(self, last: int, head: int) -> tuple[Channel, Cursor]:
        async with asyncio.timeout(PATIENCE):
            self._channel = channel = await self._hub.watch(self._subscription, head - last)
        self._far = False
        self._hub.bell(self._session_id, head)  # another process may have told the client more
        self._cursor = cursor = Cursor(last, head, channel)
        return channel, cursor

    def _words(self) -> bytes | Now:
        self._subscription.words_due = False
        voices = self._hub.chorus.of(self._subscription.session_id) if self._hub.chorus else None
        return (voices.news(self._heard) if voices else b"") or Now.WAIT


def _encode(part: Gap | Send | None) -> bytes:
    if part is None:
        return b""
    if isinstance(part, Gap):
        metrics.GAPS.inc()
        return frames.gap(part.expected, part.actual)
    metrics.SENT.inc(part.count)
    return part.body
