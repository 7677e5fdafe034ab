"""A runner: one event loop that drives many sessions for a bounded time.

It is stateless and no session depends on it: whatever it leaves behind, the next one claims.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterable
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import connection

from bo1site.resilience.database import is_transient
from sessions.graph.build import build
from sessions.graph.saver import Saver
from sessions.runner import identity, lease, metrics, slots
from sessions.runner.drive import Drive, Graph
from sessions.runner.heartbeat import Heartbeat
from sessions.runner.lease import Claim
from sessions.runner.outcome import Kind, settle
from sessions.runner.threads import DatabaseThreads
from sessions.services import wake, watch
from sessions.speech.speaker import Speaker

new_event_loop: Callable[[], asyncio.AbstractEventLoop]
try:  # the web's server brings it, where the platform has it: a twentieth less work for the same sessions
    from uvloop import new_event_loop
except ImportError:
    new_event_loop = asyncio.new_event_loop

log = logging.getLogger(__name__)

#: Threads that write checkpoints and read texts.
DATABASE_THREADS = 3
#: Sessions claimed at once, and seconds between looks at the line when no bell rings.
CLAIM_AT_ONCE, LOOK = 20, 0.3
#: A runner looks later at a bell for each session it drives, and for each slot of its host before its own, by the third
#: at most (seconds): who has least to do claims, and the others find the line empty instead of standing in it.
LATER_A_SESSION, LATER_A_SLOT, LATEST = 0.0002, 0.005, 0.02
#: Seconds between looks whether somebody has waited in line for too long.
CROWD = 1.0
#: No new sessions while 1 of 100 finished steps waits longer than this for its commit (seconds).
SLOWEST_COMMIT = 0.5
#: A runner that could not renew for this share of a lease stops its calls.
SELF_FENCE = 0.8

_draining: Callable[[], bool] = lambda: False  # noqa: E731 (replaced by the worker command)


def drain_when(told: Callable[[], bool]) -> None:
    """Have every runner of this process and its children stop taking work once ``told`` says so."""
    global _draining
    _draining = told


class Runner:
    """``only`` restricts it to one session or some, each driven once.

    ``life`` and ``idle`` are in seconds (None: without end, at once).
    """

    def __init__(
        self,
        owner: str,
        *,
        capacity: int,
        life: float | None,
        idle: float,
        only: UUID | Collection[UUID] | None = None,
        slot: int = 1,
        make_graph: Callable[[Saver], Graph] = build,
    ) -> None:
        self.owner, self.capacity, self.life, self.idle = owner, capacity, life, idle
        self.slot = slot
        self.only = None if only is None else frozenset([only] if isinstance(only, UUID) else only)
        self.drives: dict[UUID, Drive] = {}
        self.outcomes: dict[UUID, Kind] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._threads = DatabaseThreads(DATABASE_THREADS, "board-db")
        self._control = DatabaseThreads(1, "board-claims")
        self._saver = Saver(run=self._threads.run, on_request=self._requested, on_rows=self._stored)
        self._graph = make_graph(self._saver)
        self._speaker = Speaker()
        self._bell = asyncio.Event()

    async def main(self) -> int:
        """Claim and drive until the end of life or of work; return how many runs it ended."""
        loop = asyncio.get_running_loop()

        def ring() -> None:
            loop.call_soon_threadsafe(self._bell.set)

        def lost(session_id: UUID, fence: int) -> None:
            loop.call_soon_threadsafe(self._lost, session_id, fence)

        def watched(ids: str) -> None:
            loop.call_soon_threadsafe(self._speaker.watch, ids)

        heartbeat = Heartbeat(
            self.owner,
            held=lambda: {key: drive.claim.fence for key, drive in list(self.drives.items())},
            on_lost=lost,
            on_bell=ring,
            on_watched=watched,
            delay=self._threads.delay,
        )
        heartbeat.start()
        speaking = asyncio.create_task(self._speaker.run(), name="speaker")
        try:
            await self._work(heartbeat)
        finally:
            speaking.cancel()
            await self._end()
            await asyncio.wait([speaking], timeout=1)
            heartbeat.stop()
            heartbeat.join(2)
            self._threads.close()
            self._control.close()
        return len(self.outcomes)

    async def _work(self, heartbeat: Heartbeat) -> None:
        began, idle_since, stopping_since = time.monotonic(), None, None
        crowd_looked = began
        while True:
            self._bell.clear()  # whoever rings from here on is seen by the look that follows, or ends the pause
            now = time.monotonic()
            if heartbeat.silent_for() > SELF_FENCE * settings.LEASE_SECONDS and self.drives:
                log.error("no lease could be renewed for %.1f s; everything is stopped", heartbeat.silent_for())
                metrics.SELF_FENCED.inc()
                self._abandon_all("lost")
            if stopping_since is None and (_draining() or (self.life is not None and now - began > self.life)):
                stopping_since = now
                for drive in self.drives.values():
                    drive.stop("release")
            if stopping_since is not None:
                if not self._tasks:
                    return
                if _draining() and now - stopping_since > settings.RUNNER_GRACE:
                    self._abandon_all("release")
                await self._pause(0.1)
                continue
            if now - crowd_looked > CROWD:
                crowd_looked = now
                await self._make_room()
            if await self._take(heartbeat):
                idle_since = None
                continue
            if self._tasks:
                idle_since = None
            else:
                idle_since = idle_since or now
                if now - idle_since >= self.idle and not await self._needed():
                    return
            await self._pause(LOOK)

    async def _take(self, heartbeat: Heartbeat) -> bool:
        """Claim what there is room for; return whether there may be more."""
        room = min(self.capacity - len(self.drives), CLAIM_AT_ONCE)
        healthy = heartbeat.silent_for() < SELF_FENCE * settings.LEASE_SECONDS
        if room < 1 or not healthy or (self.drives and self._threads.delay() > SLOWEST_COMMIT):
            return False
        only = None if self.only is None else self.only - self.drives.keys() - self.outcomes.keys()
        if only is not None and not only:
            return False
        try:
            if await self._alone():
                return False
            busy = bool(self.drives)
            claims: list[Claim] = await self._control.run(partial(lease.claim, self.owner, room, only=only, busy=busy))
        except Exception as error:
            if not is_transient(error):
                log.exception("could not claim")
            await asyncio.sleep(0.5)
            return False
        for claim in claims:
            self._begin(claim)
        return len(claims) == room

    async def _alone(self) -> bool:
        """Whether a suspect is being driven that has made no progress yet: nobody else shall go down with it."""
        suspects = [key for key, drive in self.drives.items() if drive.claim.suspect]
        for session_id in suspects:
            if not await self._control.run(partial(lease.has_progressed, session_id)):
                return True
        return False

    def _begin(self, claim: Claim) -> None:
        drive = Drive(claim, self._graph, self._threads.run, self._speaker)
        if (before := self.drives.get(claim.session_id)) is not None:
            before.abandon("lost")  # our own lease had run out and we were the quickest to notice
        self.drives[claim.session_id] = drive
        self._saver.begin(str(claim.session_id), empty=claim.fresh)
        drive.reader.warm()  # before the drive begins: the way to its first step keeps the loop busy
        task = asyncio.create_task(self._drive(drive), name=f"session {claim.session_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        metrics.DRIVEN.set(len(self.drives))

    async def _drive(self, drive: Drive) -> None:
        claim = drive.claim
        try:
            outcome = await drive.go()
            kind: Kind = await self._threads.run(lambda: settle(claim, outcome))
            self.outcomes[claim.session_id] = kind
            log.info("session %s, claim %s: %s", claim.session_id, claim.fence, kind)
        except Exception:
            log.exception("session %s: its end could not be written; its lease will run out", claim.session_id)
        finally:
            if self.drives.get(claim.session_id) is drive:
                del self.drives[claim.session_id]
                self._saver.forget(str(claim.session_id))
            metrics.DRIVEN.set(len(self.drives))
            self._bell.set()

    async def _make_room(self) -> None:
        try:
            await self._control.run(watch.evict)
        except Exception as error:
            log.warning("could not look at the line: %s", error)

    def _lost(self, session_id: UUID, fence: int) -> None:
        drive = self.drives.get(session_id)
        if drive is not None and drive.claim.fence == fence:
            drive.abandon("lost")

    def _requested(self, session_id: str, request: str) -> None:
        drive = self.drives.get(UUID(session_id))
        if drive is not None:
            drive.stop(request)

    def _stored(self, session_id: str, tables: Iterable[str]) -> None:
        drive = self.drives.get(UUID(session_id))
        if drive is not None:
            drive.reader.changed(tables)

    def _abandon_all(self, why: str) -> None:
        for drive in self.drives.values():
            drive.abandon(why)

    async def _needed(self) -> bool:
        if self.only is not None:
            return False
        try:
            return bool(await self._control.run(lease.work_waits))
        except Exception:
            return True

    async def _pause(self, seconds: float) -> None:
        """Wait for the bell, at most so long; then let those come first who have less to do."""
        try:
            async with asyncio.timeout(seconds):
                await self._bell.wait()
        except TimeoutError:
            return
        await asyncio.sleep(min(LATEST, LATER_A_SESSION * len(self.drives) + LATER_A_SLOT * (self.slot - 1)))

    async def _end(self) -> None:
        """After a cancellation or an error of our own: put back what is still being driven."""
        self._abandon_all("release")
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=settings.LEASE_SECONDS)


def run() -> str:
    """What the queue's task does: take a slot of this host and drive sessions for a while; return what came of it."""
    owner = identity.owner()
    slot = slots.take(owner)
    if slot is None:
        return "no free slot"
    connection.close()
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            ended = runner.run(_serve(owner, slot))
    finally:
        slots.give_back(owner)
    if not _draining() and lease.claimable():
        wake.runners()
    return f"{ended} runs ended"


async def _serve(owner: str, slot: int) -> int:
    return await Runner(
        owner, capacity=settings.RUNNER_CAPACITY, life=settings.RUNNER_LIFE, idle=settings.RUNNER_IDLE, slot=slot
    ).main()
