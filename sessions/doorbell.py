"""The optional second doorbell: with Redis configured, news of an event also goes over the channel layer.

PostgreSQL's NOTIFY rings in any case; this one reaches web processes whose database connection goes through a pooler
that does not deliver notifications. It may be late, lost or dead: nothing waits for it, and it never raises.
"""

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

from channels.layers import get_channel_layer
from django.conf import settings
from django.db import transaction

from bo1site.resilience import redis

#: The channel layer's group and the message type. A message carries ``{"news": {session id: newest sequence}}``.
GROUP, KIND = "board-events", "board.events"


def configured() -> bool:
    """Whether there is a Redis to ring through."""
    return bool(settings.REDIS_URL)


def ring_on_commit(session_id: str, sequence: int) -> None:
    """Ring once the caller's transaction has committed; without Redis nothing happens."""
    if configured():
        transaction.on_commit(partial(_bell().ring, session_id, sequence))


async def messages(
    group: str, *, on_up: Callable[[], None] = lambda: None, on_down: Callable[[], None] = lambda: None
) -> AsyncIterator[dict[str, Any]]:
    """What is sent to ``group``, for ever and through every failure of Redis. ``on_up`` is called whenever messages may
    have been missed until now, ``on_down`` when they may be missed from now on."""
    link = redis.link()
    up = False
    while True:
        try:
            layer: Any = get_channel_layer()  # type: ignore[no-untyped-call]
            name = await layer.new_channel()
            while True:
                async with link.use(), asyncio.timeout(redis.PATIENCE):
                    await layer.group_add(group, name)  # each time: a restarted Redis has forgotten it
                if not up:
                    up = True
                    on_up()
                message: dict[str, Any] | None = {}
                while message is not None:
                    message = None
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(30):
                            message = await layer.receive(name)
                    if message is not None:
                        yield message
        except Exception as error:  # whatever the layer's client raises: NOTIFY and the poll go on
            if not isinstance(error, redis.Unavailable):
                link.failed(error)
            up = False
            on_down()
            await asyncio.sleep(max(0.1, link.pause()))


class _Bell(threading.Thread):
    """Sends from a thread of its own, so that a slow Redis slows nobody; what piles up meanwhile is merged."""

    def __init__(self) -> None:
        super().__init__(name="doorbell", daemon=True)
        self.pid = os.getpid()
        self._news: dict[str, int] = {}
        self._some = threading.Event()
        self._merging = threading.Lock()

    def ring(self, session_id: str, sequence: int) -> None:
        with self._merging:
            self._news[session_id] = max(sequence, self._news.get(session_id, 0))
        self._some.set()

    def run(self) -> None:
        """Wait here and not in a thread of the event loop: those are waited for when a process ends, for ever."""
        link = redis.link()
        with asyncio.Runner() as runner:
            while True:
                self._some.wait()
                self._some.clear()
                with self._merging:
                    news, self._news = self._news, {}
                try:
                    runner.run(self._send(news))
                except redis.Unavailable:  # NOTIFY has rung already; trying on tells us when Redis is back
                    time.sleep(max(0.1, link.pause()))
                    for session_id, sequence in news.items():
                        self.ring(session_id, sequence)

    @staticmethod
    async def _send(news: dict[str, int]) -> None:
        layer: Any = get_channel_layer()  # type: ignore[no-untyped-call]
        async with redis.link().use(), asyncio.timeout(redis.PATIENCE):
            await layer.group_send(GROUP, {"type": KIND, "news": news})


_lock = threading.Lock()
_current: _Bell | None = None


def _bell() -> _Bell:
    global _current
    with _lock:
        if _current is None or _current.pid != os.getpid() or not _current.is_alive():
            _current = _Bell()  # a fork copies the variable but not the thread
            _current.start()
        return _current
