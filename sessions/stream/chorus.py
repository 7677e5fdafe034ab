"""Brings passing words to the streams that want them, and tells the workers which sessions are watched.

Words come after everything else: a stream looks at them only when it has no event to send, they go out at most
``DELIVERIES`` times a second for the whole process, and while the event loop is late they are left out altogether.
"""

import asyncio
import logging
from typing import Any, Protocol

from channels.layers import get_channel_layer

from bo1site.resilience import redis
from sessions import doorbell
from sessions.speech import wire
from sessions.stream import metrics
from sessions.stream.subscription import Subscription
from sessions.stream.voices import Voices

log = logging.getLogger(__name__)

#: Seconds between two tellings of what is watched; seconds between two deliveries to one stream at least; deliveries
#: a second of the whole process; seconds that the loop may be late until words are left out.
TELL, EVERY, DELIVERIES, LATE = 4.0, 0.2, 2000, 0.1


class Host(Protocol):
    """What the chorus needs of the hub."""

    reads: Any
    on_words: Any

    def also(self, job: Any) -> None: ...


class Chorus:
    """The voices of the sessions that somebody of this process watches."""

    def __init__(self, hub: Host) -> None:
        self._hub = hub
        self._listeners: dict[str, set[Subscription]] = {}
        self._voices: dict[str, Voices] = {}
        self._fresh: set[str] = set()
        self._some = asyncio.Event()
        self._tell_now = asyncio.Event()
        hub.on_words = self.hear
        hub.also(self._tell_for_ever)
        hub.also(self._sing_for_ever)
        if doorbell.configured():
            hub.also(self._hear_layer_for_ever)

    def join(self, subscription: Subscription) -> None:
        """``subscription`` wants to hear words until it leaves."""
        listeners = self._listeners.setdefault(subscription.session_id, set())
        if not listeners:
            self._voices[subscription.session_id] = Voices()
            self._tell_now.set()
        listeners.add(subscription)

    def leave(self, subscription: Subscription) -> None:
        listeners = self._listeners.get(subscription.session_id, set())
        listeners.discard(subscription)
        if not listeners:
            self._listeners.pop(subscription.session_id, None)
            self._voices.pop(subscription.session_id, None)

    def of(self, session_id: str) -> Voices | None:
        """What is being written in a session, if somebody listens."""
        return self._voices.get(session_id)

    def hear(self, message: str) -> None:
        """A message of a worker; most are for other processes' clients."""
        if message[2:38] not in self._voices:
            return
        words = wire.decode(message)
        voices = self._voices.get(words.session_id) if words else None
        if words and voices and voices.hear(words, asyncio.get_running_loop().time()):
            self._fresh.add(words.session_id)
            self._some.set()

    async def _sing_for_ever(self) -> None:
        clock = asyncio.get_running_loop().time
        tidied = clock()
        while True:
            try:
                async with asyncio.timeout(1.0):
                    await self._some.wait()
            except TimeoutError:
                pass
            if clock() - tidied > 1.0:
                tidied = clock()
                self._fresh.update(key for key, voices in self._voices.items() if voices.tidy(tidied))
            if not self._fresh:
                self._some.clear()
                continue
            count = sum(len(self._listeners.get(session_id, ())) for session_id in self._fresh)
            due = clock() + max(EVERY, count / DELIVERIES)
            await asyncio.sleep(due - clock())
            if clock() - due > LATE:
                metrics.WORDS_SHED.inc(count)
                continue  # what is left out now comes with the next words
            self._some.clear()
            fresh, self._fresh = self._fresh, set()
            for session_id in fresh:
                for subscription in self._listeners.get(session_id, ()):
                    subscription.words_due = True
                    subscription.wake.set()

    async def _tell_for_ever(self) -> None:
        while True:
            try:
                async with asyncio.timeout(TELL):
                    await self._tell_now.wait()
            except TimeoutError:
                pass
            self._tell_now.clear()
            if not self._listeners:
                continue
            for ids in wire.pack_ids(list(self._listeners)):
                await self._tell(ids)

    async def _tell(self, ids: str) -> None:
        try:
            await self._hub.reads.rows("SELECT pg_notify(%s, %s)::text", [wire.WATCHED, ids])
        except Exception as error:  # the next telling comes soon
            log.info("cannot tell what is watched: %s", error)
        if doorbell.configured():
            layer: Any = get_channel_layer()  # type: ignore[no-untyped-call]
            try:
                async with redis.link().use(), asyncio.timeout(redis.PATIENCE):
                    await layer.group_send(wire.WATCHED_GROUP, {"type": wire.WATCHED_KIND, "ids": ids})
            except redis.Unavailable:
                pass

    async def _hear_layer_for_ever(self) -> None:
        async for message in doorbell.messages(wire.WORDS_GROUP):
            for words in message["words"]:
                self.hear(words)
