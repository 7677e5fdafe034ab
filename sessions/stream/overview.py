"""The streams of many sessions at once: one user's own, or for staff everybody's.

Level-triggered from the session table. Every session's row carries the number of the transaction that last wrote one
of its events (``changed``). A doorbell has the session's row read and told at once; a scan of what a reader may see,
after every burst of changes and every ``poll``, gives the counts and a new *horizon*, which is the id that clients
resume from. A reader who comes back with a horizon is told the state of every session that changed at or after it.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any, Protocol

from sessions.stream import frames, queries
from sessions.stream.feed import Feed, State
from sessions.stream.hub import AWAY
from sessions.stream.limits import Limits
from sessions.stream.subscription import Subscription

log = logging.getLogger(__name__)

#: Changes that a reader who comes back is told one by one; with more it is told to read its list again.
MOST = 500
#: Seconds for which doorbells are gathered, and between two scans for one user, and for everybody.
GATHER, SCAN, SCAN_ALL = 0.05, 1.0, 3.0
#: Seconds between two tries while the database is away.
PAUSE = 0.5
EVERYBODY = "*"


class Host(Protocol):
    """What the overview needs of the hub."""

    reads: Any
    limits: Limits
    listening: bool

    def also(self, job: Any) -> None: ...

    def start(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Scan:
    """What one statement saw. ``cut``: there were more than ``MOST`` changes."""

    horizon: int
    by_status: str
    states: list[State]
    cut: bool

    def message(self) -> bytes:
        return frames.event("overview", f'{{"by_status": {self.by_status}}}', self.horizon)


@dataclass(eq=False, slots=True)
class Scope:
    """What one user (or staff, as ``EVERYBODY``) may see. ``tick``: everything up to it is covered by ``scan``."""

    owner: Any
    key: str
    readers: set[Subscription] = field(default_factory=set)
    scan: Scan | None = None
    tick: int = 0
    due: float = 0.0
    scanned: float = 0.0

    def wake(self) -> None:
        for subscription in self.readers:
            subscription.wake.set()


class Overview:
    """The scopes that somebody of this process reads."""

    #: A horizon that nothing has reached: asks for the counts alone.
    NOTHING = 2**62

    def __init__(self, hub: Host) -> None:
        self._hub = hub
        self.feed = Feed()
        self._scopes: dict[str, Scope] = {}
        self._dirty: set[str] = set()
        self._some = asyncio.Event()
        self._deaf = False  # the last scan found what no doorbell had told
        hub.also(self._work_for_ever)

    def join(self, subscription: Subscription, owner: Any) -> Scope:
        """The scope of ``owner``, which keeps ``subscription`` awake until it leaves."""
        self._hub.start()
        key = str(owner)
        scope = self._scopes.get(key)
        if scope is None:
            scope = self._scopes[key] = Scope(owner, key)
        scope.readers.add(subscription)
        return scope

    def leave(self, scope: Scope, subscription: Subscription) -> None:
        scope.readers.discard(subscription)
        if not scope.readers and self._scopes.get(scope.key) is scope:
            del self._scopes[scope.key]

    def bell(self, session_id: str) -> None:
        """Somebody says that ``session_id`` changed (or is gone)."""
        if self._scopes:
            self._dirty.add(session_id)
            self._some.set()

    def look_at_everything(self) -> None:
        """After a time of deafness nobody knows what was missed."""
        for scope in self._scopes.values():
            scope.due = 0.0
        self._some.set()

    async def look(self, owner: Any, since: int) -> Scan:
        """Ask the table what ``owner`` may see, and what of it changed at the horizon ``since`` or later. Raises one
        of ``AWAY``."""
        query = queries.scan(owner == EVERYBODY)
        rows = await self._hub.reads.rows(query, [owner, owner, since, MOST + 1])
        states = [State(row[2], row[3], row[4], row[6]) for row in rows if row[2] is not None]
        return Scan(rows[0][0], rows[0][1], states[:MOST][::-1], len(states) > MOST)

    def begin(self, scope: Scope, scan: Scan, tick: int) -> None:
        """A reader has looked: unless another one had before, scans go on from there."""
        if scope.scan is None:
            scope.scan, scope.tick = scan, tick
            scope.scanned, scope.due = asyncio.get_running_loop().time(), float("inf")
            self._some.set()

    async def _work_for_ever(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            limits = self._hub.limits
            poll = limits.poll_up if self._hub.listening and not self._deaf else limits.poll_down
            now = clock()
            begun = [scope for scope in self._scopes.values() if scope.scan is not None]
            due = min((min(scope.due, scope.scanned + poll) for scope in begun), default=now + 60)
            try:
                async with asyncio.timeout(max(0.0, due - now)):
                    await self._some.wait()
                await asyncio.sleep(GATHER)
            except TimeoutError:
                pass
            self._some.clear()
            dirty, self._dirty = self._dirty, set()
            try:
                if dirty:
                    await self._read(dirty)
                for scope in list(self._scopes.values()):
                    if scope.scan is not None and clock() >= min(scope.due, scope.scanned + poll):
                        await self._scan(scope, scope.scan.horizon)
            except AWAY as error:
                log.info("cannot look at the sessions: %s", error)
                self._dirty |= dirty
                await asyncio.sleep(PAUSE)
                self._some.set()

    async def _read(self, session_ids: set[str]) -> None:
        clock = asyncio.get_running_loop().time
        rows = await self._hub.reads.rows(queries.STATES, [list(session_ids)])
        owners = self.feed.settle(State(row[0], row[1], row[2], row[4]) for row in rows)
        deleted = len(rows) < len(session_ids)
        for scope in self._scopes.values():
            if deleted or scope.key in owners or (scope.key == EVERYBODY and owners):
                pause = SCAN_ALL if scope.key == EVERYBODY else SCAN
                scope.due = min(scope.due, max(clock(), scope.scanned + pause))
                scope.wake()

    async def _scan(self, scope: Scope, since: int) -> None:
        began = asyncio.get_running_loop().time()
        scope.scan = scan = await self.look(scope.owner, since)
        news = self.feed.settle(scan.states)
        self._deaf = bool(news) and self._hub.listening and not self._dirty
        if scan.cut:
            self.feed.forget()
        scope.tick = self.feed.tick
        scope.scanned, scope.due = began, float("inf")
        scope.wake()
