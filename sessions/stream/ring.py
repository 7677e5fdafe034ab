"""The rules of exactly-once delivery as pure state machines: no I/O, no clock, no loop.

A ``Channel`` is what this process knows of one watched session; a ``Cursor`` is what one client has been sent. The hub
tells channels what the table said (``settle``), a stream asks its cursor what to do next (``step``).
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from typing import NamedTuple

#: Bounds of the newest frames kept in memory for a watched session, and how many of them are read at first unless its
#: first client lacks more: those who come after a break lack a few, and the ring fills by itself.
RING_FRAMES, RING_BYTES, FIRST_FRAMES = 256, 256 * 1024, 64


class Frame(NamedTuple):
    sequence: int
    body: bytes


class Page(NamedTuple):
    """Consecutive events ``first`` … ``last`` of the table, already encoded."""

    first: int
    last: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Gap:
    """Tell the client: instead of ``expected`` the next event will be ``actual``."""

    expected: int
    actual: int


@dataclass(slots=True)
class Send:
    """Send ``body``, which carries ``count`` events."""

    body: bytes
    count: int


class Do(Enum):
    READ = "read the next page from the table"
    WAIT = "wait until the channel changes"
    OVER = "the session is over and the client has all of it"


class Channel:
    """The head and the newest frames of one session, as of the last look at the table."""

    __slots__ = (
        "_newest", "bytes", "epoch", "floor", "frames", "head", "over", "reading", "session_id", "shown", "wanted",
    )  # fmt: skip

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self.head: int | None = None  # None until the first look
        self.over = False  # the session's status is final at `head`
        self.reading = False  # a look at the table is under way: what it will say is newer than what it knows
        self.wanted = 0  # the highest sequence a doorbell promised
        self.shown = 0  # the newest sequence the table showed to anybody, on admission or on a page
        self.frames: deque[Frame] = deque()
        self.bytes = 0
        self._newest: tuple[Frame, Send] | None = None
        self.epoch, self.floor = 0, 0  # the table lost events above `floor` in this epoch

    def promise(self, sequence: int) -> bool:
        """Note a doorbell; return whether the table must be read."""
        self.wanted = max(self.wanted, sequence)
        return self.head is not None and sequence > self.head

    def hear(self, first: int, bodies: Sequence[bytes]) -> bool:
        """Take in the events ``first`` … that a doorbell carried; False when the table must be read instead: they do
        not follow at once on what is known, or the session was over, or a look is under way.
        """
        if self.head is None or self.reading or self.over or first != self.head + 1:
            return False
        for sequence, body in enumerate(bodies, first):
            self.frames.append(Frame(sequence, body))
            self.bytes += len(body)
            self.head = sequence
        self._trim()
        return True

    def settle(self, top: int, over: bool, frames: Iterable[Frame], *, more: bool = False, shown: int = 0) -> None:
        """Take in what one statement saw: ``top`` = the session's newest sequence, ``frames`` = the events above
        ``head`` (or the newest ones on the first look), cut short when ``more``. ``shown``: what it was when the
        statement began; a table that shows less now has lost the rest.
        """
        frames = list(frames)
        if top < max(shown, self.head or 0):  # a restored backup, or a fail-over that lost its tail
            self.epoch, self.floor = self.epoch + 1, top
            self.shown = top
        if self.head is None:
            self.head = frames[0].sequence - 1 if frames else top
        elif top < self.head:
            self._forget()
            self.head, self.wanted, frames = top, top, []
        for frame in frames:
            if frame.sequence <= self.head:
                continue
            if frame.sequence != self.head + 1:
                self._forget()  # pruned while we did not look; cursors find the gap in the table
            self.frames.append(frame)
            self.bytes += len(frame.body)
            self.head = frame.sequence
        if not more and self.head < top:
            self._forget()  # the events are gone already
            self.head = top
        self._trim()
        self.over = over and not more

    def _trim(self) -> None:
        while len(self.frames) > RING_FRAMES or self.bytes > RING_BYTES:
            self.bytes -= len(self.frames.popleft().body)

    def _forget(self) -> None:
        self.frames.clear()
        self.bytes = 0

    def newest(self) -> Send:
        """The newest frame for everybody who lacks just that one. There is one."""
        frame = self.frames[-1]
        if self._newest is None or self._newest[0] is not frame:
            self._newest = frame, Send(frame.body, 1)
        return self._newest[1]

    def after(self, last: int) -> list[Frame] | None:
        """The frames above ``last``; ``None`` when they are not all in memory."""
        if self.head is None or last >= self.head:
            return []
        if not self.frames or self.frames[0].sequence > last + 1:
            return None
        if last + 1 == self.head:
            return [self.frames[-1]]
        return list(islice(self.frames, last + 1 - self.frames[0].sequence, None))


class Cursor:
    """What one client has seen. ``last``: its last id; ``head``: the newest sequence the table showed on admission."""

    __slots__ = ("_asked", "_epoch", "known", "last")

    def __init__(self, last: int, head: int, channel: Channel) -> None:
        self.last = last
        self.known = head
        self._asked = 0  # the channel's head when a page was asked for
        self._epoch = channel.epoch
        channel.shown = max(channel.shown, head)

    def step(self, channel: Channel) -> Gap | Send | Do:
        """What to do next. After ``Do.READ`` the page read goes to ``turn``."""
        if self._epoch != channel.epoch:
            self._epoch = channel.epoch
            self.known = min(self.known, channel.floor)
            if self.last > channel.floor:
                return self._jump(channel.floor)
        if self.last > max(self.known, channel.head or 0):
            return self._jump(self.known)  # an id that nobody was ever given, or whose event was lost
        frames = channel.after(self.last)
        if frames is None:
            self._asked = channel.head or 0
            return Do.READ
        if not frames:
            complete = channel.head is not None and self.last == channel.head >= self.known
            return Do.OVER if complete and channel.over else Do.WAIT
        return self._take(frames)

    def news(self, channel: Channel) -> Send | None:
        """What ``step`` would send to a client that waits, if sending is all there is to do; else nothing changes."""
        if self._epoch != channel.epoch or channel.over or self.last > max(self.known, channel.head or 0):
            return None
        if self.last + 1 == channel.head and channel.frames:  # by far the most: nothing is made for each client
            self.last = channel.head
            return channel.newest()
        frames = channel.after(self.last)
        return self._take(frames) if frames else None

    def _take(self, frames: list[Frame]) -> Send:
        self.last = frames[-1].sequence
        if len(frames) == 1:
            return Send(frames[0].body, 1)  # the same object for every client: nothing is copied
        return Send(b"".join([frame.body for frame in frames]), len(frames))

    def turn(self, page: Page | None, channel: Channel) -> tuple[Gap | None, Send | None]:
        """Take in the page that ``Do.READ`` asked for (``None``: the table has nothing above ``last``)."""
        if page is None:  # what came meanwhile is another matter
            return (self._jump(self._asked) if self._asked > self.last else None), None
        gap = self._jump(page.first - 1) if page.first != self.last + 1 else None
        self.last = page.last
        self.known = max(self.known, page.last)
        channel.shown = max(channel.shown, page.last)
        return gap, Send(page.body, page.last - page.first + 1)

    def _jump(self, to: int) -> Gap:
        gap = Gap(self.last + 1, to + 1)
        self.last = to
        return gap
