"""Sends what the personas of a runner are writing to whoever watches, a few times a second, and never in the way.

The web processes say which sessions are watched; nobody else's words are read or sent. It runs in the runner's loop,
outside of any transaction of a session, on a connection of its own that is there only while somebody watches; when it
cannot keep up, or the database is away, words are left out and nothing else happens.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

from channels.layers import get_channel_layer

from bo1site.resilience import redis
from llm.types import Request
from sessions import doorbell
from sessions.speech import wire
from sessions.speech.half_json import Reading
from sessions.stream.connections import connect, conninfo

log = logging.getLogger(__name__)

#: Seconds between two messages of one voice at least, and between two that say the same (one may have been lost).
EVERY, AGAIN = 0.25, 3.0
#: Seconds for which a session counts as watched after the last word of it.
WATCHED_FOR = 12.0
#: Bytes sent at once at most; the voices that have waited longest go first, and the others wait for the next time.
BUDGET = 64 * 1024
#: Seconds between attempts while the database is away.
PAUSE = 2.0


class Voice:
    """One call to a model. ``push`` is the call's ``llm.live.OnText``."""

    __slots__ = ("_pieces", "_reading", "ended", "key", "node", "persona", "run", "sent", "sent_at", "session_id")

    def __init__(self, session_id: str, key: str, node: str, persona: str) -> None:
        self.session_id, self.key, self.node, self.persona = session_id, key, node, persona
        self.run, self.ended = 0, False
        self.sent, self.sent_at = (-1, 0), 0.0  # run and length of what was sent last
        self._reading, self._pieces = Reading(), list[str]()

    def push(self, attempt: int, piece: str) -> None:
        if attempt != self.run:
            self.run = attempt
            self._reading, self._pieces = Reading(), []
        self._pieces.append(piece)  # read when it is sent: a piece costs its caller next to nothing

    def words(self) -> wire.Words:
        pieces, self._pieces = self._pieces, []
        self._reading.push("".join(pieces))
        return wire.Words(self.session_id, self.key, self.node, self.persona, self.run, self._reading.text, self.ended)


class Speaker:
    """One a runner. Without a running ``run`` nothing is ever watched, so nothing is said."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._watched: dict[str, float] = {}
        self._voices: dict[tuple[str, str], Voice] = {}
        self._somebody = asyncio.Event()

    def is_watched(self, session_id: UUID | str | None) -> bool:
        """Whether somebody has this session's room open."""
        return self._watched.get(str(session_id), 0.0) > self._clock()

    def watch(self, payload: str) -> None:
        """Take in the ids of a ``WATCHED`` message; in the event loop."""
        until = self._clock() + WATCHED_FOR
        self._watched.update(dict.fromkeys(wire.unpack_ids(payload), until))
        self._somebody.set()

    @contextlib.contextmanager
    def overheard(self, request: Request[Any]) -> Iterator[Request[Any]]:
        """``request`` as it is to be asked: with an ear, if somebody watches its session."""
        if not self.is_watched(request.session_id):
            yield request
            return
        key = f"{request.task_id}:{request.call_no}"
        voice = Voice(str(request.session_id), key, request.node, request.persona)
        self._voices[voice.session_id, key] = voice
        try:
            yield replace(request, on_text=voice.push)
        finally:
            voice.ended = True

    def collect(self) -> list[str]:
        """The messages that are due now."""
        now, size, messages = self._clock(), 0, list[str]()
        self._watched = {key: until for key, until in self._watched.items() if until > now}
        for voice in sorted(self._voices.values(), key=lambda voice: voice.sent_at):
            if voice.session_id not in self._watched:
                if voice.ended:
                    del self._voices[voice.session_id, voice.key]
                continue
            if now - voice.sent_at < EVERY and not voice.ended:
                continue
            words = voice.words()
            news = (words.run, len(words.text))
            if news == voice.sent and not voice.ended and now - voice.sent_at < AGAIN:
                continue
            message = wire.encode(words)
            size += len(message.encode())
            if size > BUDGET and messages:
                break
            voice.sent, voice.sent_at = news, now
            messages.append(message)
            if voice.ended:
                del self._voices[voice.session_id, voice.key]
        return messages

    async def run(self) -> None:
        """Send to those who watch, until cancelled. Who they are the heartbeat hears, or the channel layer."""
        hearing = asyncio.create_task(self._hear_layer()) if doorbell.configured() else None
        try:
            while True:
                try:
                    await self._serve()
                except Exception as error:  # whatever it is, the sessions go on without words
                    log.info("no words can be sent: %r", error)
                    await asyncio.sleep(PAUSE)
        finally:
            if hearing is not None:
                hearing.cancel()

    async def _serve(self) -> None:
        """Wait for somebody who watches, and send until nobody does."""
        await self._somebody.wait()
        async with await connect(conninfo(), "bo1-words") as connection:
            await connection.execute("SET synchronous_commit = off")  # a NOTIFY is a commit, and this one may be lost
            while self._watched:
                await asyncio.sleep(EVERY)
                messages = self.collect()
                if messages and not await self._over_layer(messages):
                    async with asyncio.timeout(5):
                        await connection.execute(
                            "SELECT count(pg_notify(%s, words)) FROM unnest(%s::text[]) words", [wire.WORDS, messages]
                        )
        if not self._watched:
            self._somebody.clear()

    async def _over_layer(self, messages: list[str]) -> bool:
        if not doorbell.configured():
            return False
        layer: Any = get_channel_layer()  # type: ignore[no-untyped-call]
        try:
            async with redis.link().use(), asyncio.timeout(redis.PATIENCE):
                await layer.group_send(wire.WORDS_GROUP, {"type": wire.WORDS_KIND, "words": messages})
        except redis.Unavailable:
            return False
        return True

    async def _hear_layer(self) -> None:
        """The same news over Redis, for a database behind a pooler."""
        async for message in doorbell.messages(wire.WATCHED_GROUP):
            self.watch(message["ids"])
