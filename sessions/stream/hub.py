"""One hub per web process: hears doorbells, reads the table once for everybody, wakes the streams.

A doorbell is only the news that there is an event, so it may be lost, early, late or doubled. Whatever happens to
doorbells, the poll finds the truth in the table, and after any reconnect every channel is looked at again. What a
doorbell carries besides spares that look where it follows at once on what is known, and counts for nothing elsewhere.
"""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import psycopg

from sessions import doorbell
from sessions.events import CHANNEL
from sessions.speech.wire import WORDS
from sessions.stream import metrics, queries
from sessions.stream.chorus import Chorus
from sessions.stream.connections import Connections, connect
from sessions.stream.frames import carried as frame_of
from sessions.stream.limits import Limits
from sessions.stream.listen import hear
from sessions.stream.ring import FIRST_FRAMES, RING_FRAMES, Channel, Frame, Page
from sessions.stream.subscription import Subscription

log = logging.getLogger(__name__)

#: Errors that mean "the database is away": everything here waits for it to come back.
AWAY = (psycopg.Error, OSError, TimeoutError)
_LONGEST_DELAY = 2.0


Job = Callable[[], Coroutine[Any, Any, None]]


class _Overview(Protocol):
    """What hears of every session, not only of those that are watched (``sessions.stream.overview``)."""

    def bell(self, session_id: str) -> None: ...

    def look_at_everything(self) -> None: ...


class SessionGone(Exception):
    """The session was deleted."""


class Hub:
    def __init__(self, info: str, limits: Limits, *, listen: bool = True) -> None:
        self.info, self.limits, self._listens = info, limits, listen
        self.reads = Connections(info)
        self.channels: dict[str, Channel] = {}
        self.subscriptions: set[Subscription] = set()
        self.streams_of: Counter[Any] = Counter()  # by user id
        self.listening = self.layer_up = False
        self.draining = False
        self._ahead = 0.0  # seconds by which the database's clock is ahead of ours
        self.on_access: Callable[[str], None] | None = None
        self.on_news: Callable[[], None] | None = None
        self.on_words: Callable[[str], None] = lambda message: None
        self.chorus: Chorus | None = None
        self.overview: _Overview | None = None
        self._watchers: dict[str, set[Subscription]] = {}
        self._opening: dict[str, asyncio.Task[None]] = {}
        self._dirty: set[str] = set()
        self._kick = asyncio.Event()
        self._poll_now = asyncio.Event()
        self._jobs: list[Job] = [self._fetch_for_ever, self._poll_for_ever]
        self._tasks: list[asyncio.Task[None]] = []

    # -- life ---------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the background tasks, once."""
        if self._tasks:
            return
        jobs = [*self._jobs, self._listen_for_ever] if self._listens else list(self._jobs)
        if doorbell.configured():
            jobs.append(self._hear_layer_for_ever)
        self._tasks = [asyncio.create_task(job(), name=f"stream{job.__name__}") for job in jobs]

    def also(self, job: Job) -> None:
        """Run ``job`` for as long as the hub runs."""
        self._jobs.append(job)

    def drain(self) -> None:
        """End all streams and take no more: the process is about to stop."""
        self.draining = True
        for subscription in self.subscriptions:
            subscription.end("draining")

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self.reads.close()

    # -- doorbells ----------------------------------------------------------------------------------------------------

    def bell(self, session_id: str, sequence: int, carried: str = "") -> None:
        """Somebody says that ``session_id`` has an event ``sequence``, and perhaps what the newest ones say."""
        if self.on_news:
            self.on_news()
        channel = self.channels.get(session_id)
        heard = channel is not None and carried and self._heard(channel, sequence, carried)
        if channel is not None and not heard and channel.promise(sequence):
            self.look(session_id)
        if self.overview:
            self.overview.bell(session_id)

    def _heard(self, channel: Channel, sequence: int, carried: str) -> bool:
        at, *lines = carried.encode().split(b"\n")
        first = sequence - len(lines) + 1
        if not lines or not channel.hear(first, [frame_of(line, n) for n, line in enumerate(lines, first)]):
            return False
        lag = time.time() + self._ahead - int(at) / 1000
        for _ in lines:
            metrics.LAG.observe(max(0.0, lag))
        self._wake(channel)
        return True

    def look(self, *session_ids: str) -> None:
        """Have the table read for these sessions, soon and together."""
        self._dirty.update(session_ids)
        self._kick.set()

    def look_at_everything(self) -> None:
        """After a time of deafness nobody knows what was missed."""
        self.look(*self.channels)
        if self.overview:
            self.overview.look_at_everything()

    async def _listen_for_ever(self) -> None:
        delay = 0.1
        while True:
            try:
                async with await connect(self.info, "bo1-listen") as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    await connection.execute(f"LISTEN {WORDS}")
                    self._ahead = await self._offset(connection)
                    self.listening, delay = True, 0.1
                    metrics.LISTENING.set(1)
                    self.look_at_everything()  # first LISTEN, then look: nothing falls between the two
                    if self.on_access:
                        self.on_access("*")
                    await hear(connection, self._notice)
            except AWAY as error:
                if self.listening:
                    log.warning("LISTEN was lost, polling until it is back: %s", error)
                self.listening = False
                metrics.LISTENING.set(0)
                self._poll_now.set()
                await asyncio.sleep(delay)
                delay = min(delay * 2, _LONGEST_DELAY)

    @staticmethod
    async def _offset(connection: psycopg.AsyncConnection[Any]) -> float:
        """Seconds by which the database's clock is ahead of ours."""
        cursor = await connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8")
        row = await cursor.fetchone()
        return float(row[0]) - time.time() if row else 0.0

    async def _hear_layer_for_ever(self) -> None:
        """The doorbell over Redis, when there is one."""

        def turn(up: bool) -> None:
            self.layer_up = up
            if up:
                self.look_at_everything()

        async for message in doorbell.messages(doorbell.GROUP, on_up=lambda: turn(True), on_down=lambda: turn(False)):
            for session_id, sequence in message["news"].items():
                self.bell(session_id, sequence)

    def _notice(self, channel: str, payload: str) -> None:
        if channel == WORDS:
            self.on_words(payload)
            return
        kind, _, rest = payload.partition(":")
        if kind == "access":
            if self.on_access:
                self.on_access(rest)
        elif kind == "look":
            self.look(rest)
            if self.overview:
                self.overview.bell(rest)
        else:
            sequence, _, carried = rest.partition(":")
            if sequence.isdecimal():
                self.bell(kind, int(sequence), carried)

    async def _poll_for_ever(self) -> None:
        deaf = False  # LISTEN seems to work, yet the poll found what no doorbell told: a pooler in between
        while True:
            pause = self.limits.poll_up if self.listening and not deaf else self.limits.poll_down
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._poll_now.wait()
            self._poll_now.clear()
            if not self.channels:
                continue
            metrics.POLLS.inc()
            try:
                rows = await self.reads.rows(queries.HEADS, [list(self.channels)])
            except AWAY:
                continue
            heads = dict(rows)
            news = [
                channel
                for channel in self.channels.values()
                if channel.head is not None and heads.get(channel.session_id) != channel.head
            ]
            deaf = any(heads.get(c.session_id, 0) > max(c.wanted, c.head or 0) for c in news)
            self.look(*(channel.session_id for channel in news))

    # -- reading ------------------------------------------------------------------------------------------------------

    async def _fetch_for_ever(self) -> None:
        delay = 0.05
        while True:
            await self._kick.wait()
            self._kick.clear()
            dirty, self._dirty = self._dirty, set()
            channels = [c for s in dirty if (c := self.channels.get(s)) is not None and c.head is not None]
            if not channels:
                continue
            try:
                await self._fetch(channels)
                delay = 0.05
            except AWAY as error:
                log.warning("Cannot read events, trying again: %s", error)
                await asyncio.sleep(delay)
                delay = min(delay * 2, _LONGEST_DELAY)
                self.look(*dirty)

    async def _fetch(self, channels: list[Channel]) -> None:
        asked = {channel.session_id: channel for channel in channels}
        for channel in channels:
            channel.reading = True
        try:
            await self._read(asked)
        finally:
            for channel in channels:
                channel.reading = False

    async def _read(self, asked: dict[str, Channel]) -> None:
        channels = asked.values()
        shown = {channel.session_id: channel.shown for channel in channels}
        rows = await self.reads.rows(queries.NEWS, [list(asked), [channel.head for channel in channels]])
        found: dict[str, tuple[int, bool, list[Frame]]] = {}
        for session_id, top, over, sequence, body, age in rows:
            _, _, frames = found.setdefault(session_id, (top, over, []))
            if sequence is not None:
                frames.append(Frame(sequence, body))
                metrics.LAG.observe(max(0.0, age))
        for session_id, channel in asked.items():
            if session_id not in found:
                self._gone(channel)
                continue
            top, over, frames = found[session_id]
            more = len(frames) == queries.FETCH
            channel.settle(top, over, frames, more=more, shown=shown[session_id])
            if more:
                self.look(session_id)
            self._wake(channel)

    async def replay(self, session_id: str, last: int) -> Page | None:
        """The next page above ``last``, or ``None``. Raises one of ``AWAY``."""
        [(first, top, count, body)] = await self.reads.rows(queries.WHOLE, [session_id, last, last])
        if not count:
            [(following,)] = await self.reads.rows(queries.NEXT, [session_id, last])
            return None if following is None else await self.replay(session_id, following - 1)
        if count <= top - first or len(body) > queries.LARGEST:
            return await self._part(session_id, last)
        metrics.REPLAYED.inc(count)
        return Page(first, top, body)

    async def _part(self, session_id: str, last: int) -> Page:
        """The beginning of a page that has a hole, or is too large to be sent at once."""
        rows = await self.reads.rows(queries.REPLAY, [session_id, last, last])
        first, size, bodies = rows[0][0], 0, []
        for n, (sequence, body) in enumerate(rows, first):
            if sequence != n or size > queries.PAGE_BYTES:
                break
            size += len(body)
            bodies.append(body)
        metrics.REPLAYED.inc(len(bodies))
        return Page(first, first + len(bodies) - 1, b"".join(bodies))

    # -- subscriptions ------------------------------------------------------------------------------------------------

    def join(self, subscription: Subscription) -> None:
        """Count ``subscription`` until it leaves, and tend it."""
        self.start()
        self.subscriptions.add(subscription)
        self.streams_of[subscription.reader.user_id] += 1
        if subscription.live and self.chorus:
            self.chorus.join(subscription)

    async def watch(self, subscription: Subscription, lacking: int) -> Channel:
        """The channel of ``subscription``, loaded; it is woken from now on. ``lacking``: how many events its client has
        to be sent. Raises ``AWAY`` or ``SessionGone``."""
        session_id = subscription.session_id
        self._watchers.setdefault(session_id, set()).add(subscription)
        while True:
            channel = self.channels.setdefault(session_id, Channel(session_id))
            if channel.head is not None:
                return channel
            task = self._opening.get(session_id)
            if task is None:
                task = self._opening[session_id] = asyncio.create_task(self._load(channel, lacking))
                task.add_done_callback(lambda _: self._opening.pop(session_id, None))
            await asyncio.shield(task)  # everybody who comes at once shares one query

    async def _load(self, channel: Channel, lacking: int) -> None:
        shown = channel.shown
        limit = min(RING_FRAMES, max(FIRST_FRAMES, lacking))
        rows = await self.reads.rows(queries.NEWEST, [limit, channel.session_id])
        if not rows:
            raise SessionGone(channel.session_id)
        frames = [Frame(sequence, body) for _, _, sequence, body in rows if sequence is not None]
        channel.settle(rows[0][0], rows[0][1], frames, shown=shown)
        if channel.wanted > (channel.head or 0):
            self.look(channel.session_id)

    def leave(self, subscription: Subscription) -> None:
        """Forget ``subscription``, and the channel with its last one."""
        if subscription in self.subscriptions:
            self.subscriptions.discard(subscription)
            user_id = subscription.reader.user_id
            self.streams_of[user_id] -= 1
            if not self.streams_of[user_id]:
                del self.streams_of[user_id]
            if subscription.live and self.chorus:
                self.chorus.leave(subscription)
        watchers = self._watchers.get(subscription.session_id)
        if watchers is not None:
            watchers.discard(subscription)
            if not watchers:
                del self._watchers[subscription.session_id]
                self.channels.pop(subscription.session_id, None)

    def _wake(self, channel: Channel) -> None:
        """Whoever waits for this channel gets its news, by our hand where that is possible."""
        count, now = 0, asyncio.get_running_loop().time()
        for subscription in self._watchers.get(channel.session_id, ()):
            push = subscription.push if subscription.waiting and not subscription.wake.is_set() else None
            if push and (pushed := push()):
                subscription.quiet = now
                count += pushed
            else:
                subscription.wake.set()
        metrics.SENT.inc(count)

    def _gone(self, channel: Channel) -> None:
        for subscription in self._watchers.get(channel.session_id, ()):
            subscription.end("gone")
