"""The optional second doorbell: with Redis configured, news of an event also goes over the channel layer.

PostgreSQL's NOTIFY rings in any case; this one reaches web processes whose database connection goes through a pooler
that does not deliver notifications. It may be late, lost or dead: nothing waits for it, and it never raises.
"""

import asyncio
import os
import threading
from functools import partial

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
        asyncio.run(self._send_for_ever())

    async def _send_for_ever(self) -> None:
        layer = get_channel_layer()  # type: ignore[no-untyped-call]
        link = redis.link()
        while True:
            await asyncio.to_thread(self._some.wait)
            self._some.clear()
            with self._merging:
                news, self._news = self._news, {}
            try:
                async with link.use(), asyncio.timeout(redis.PATIENCE):
                    await layer.group_send(GROUP, {"type": KIND, "news": news})
            except redis.Unavailable:  # NOTIFY has rung already; trying on tells us when Redis is back
                await asyncio.sleep(max(0.1, link.pause()))
                for session_id, sequence in news.items():
                    self.ring(session_id, sequence)


_lock = threading.Lock()
_current: _Bell | None = None


def _bell() -> _Bell:
    global _current
    with _lock:
        if _current is None or _current.pid != os.getpid() or not _current.is_alive():
            _current = _Bell()  # a fork copies the variable but not the thread
            _current.start()
        return _current
