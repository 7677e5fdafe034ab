"""The operations page, kept live over a web socket (Channels).

One pulse a web process draws what changes, once for all who look: at once when an event is committed somewhere (the
hub hears of it), every few seconds in any case. It goes out over a channel layer of this process alone, so it needs no
Redis, and it goes on while PostgreSQL is away, which is when somebody wants to look.
"""

import asyncio
import contextlib
import logging
import time
from typing import Any
from weakref import WeakKeyDictionary

from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer as _Untyped
from channels.layers import get_channel_layer
from channels.security.websocket import AllowedHostsOriginValidator
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import DatabaseError

from sessions.admin import operations_page
from sessions.stream import process

log = logging.getLogger(__name__)

PATH = "/admin/board/runnerslot/operations/live"
GROUP, LAYER = "operations", "local"
#: Seconds between two drawings: at least when nothing happens, at most however much happens.
QUIET, BUSY = float(operations_page.REFRESH), 0.5
#: What a socket is closed with when its owner may not look (any more). The page then loads itself again and asks.
FORBIDDEN = 4403


class Pulse:
    """Draws while somebody looks. One an event loop, which is one a process."""

    def __init__(self) -> None:
        self.watchers = 0
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def enter(self) -> None:
        self.watchers += 1
        self._news.set()
        if self._task is None or self._task.done():
            hub = process.current()
            hub.start()
            hub.on_news = self._news.set
            self._task = asyncio.create_task(self._beat(), name="operations")

    def leave(self) -> None:
        self.watchers -= 1

    async def _beat(self) -> None:
        layer = get_channel_layer(LAYER)  # type: ignore[no-untyped-call]
        while self.watchers:
            self._news.clear()
            began = time.monotonic()
            try:
                html = await database_sync_to_async(operations_page.fragment)()
                await layer.group_send(GROUP, {"type": "figures", "html": html})
            except Exception:
                log.exception("the operations page could not be drawn")
            await asyncio.sleep(BUSY)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, QUIET - (time.monotonic() - began))):
                    await self._news.wait()


_pulses: WeakKeyDictionary[asyncio.AbstractEventLoop, Pulse] = WeakKeyDictionary()


def pulse() -> Pulse:
    return _pulses.setdefault(asyncio.get_running_loop(), Pulse())


_Consumer: Any = _Untyped


class OperationsConsumer(_Consumer):  # type: ignore[misc]
    """Sends the page's fragment whenever it was drawn. The right to look is asked for again and again."""

    channel_layer_alias = LAYER
    groups = [GROUP]
    _entered = False
    _asked = 0.0

    async def connect(self) -> None:
        if not await self._may_look():
            await self.close(FORBIDDEN)
            return
        await self.accept()
        self._entered, self._asked = True, time.monotonic()
        pulse().enter()

    async def disconnect(self, code: int) -> None:
        if self._entered:
            self._entered = False
            pulse().leave()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Nothing is asked over this socket."""

    async def figures(self, message: dict[str, Any]) -> None:
        if not self._entered:
            return
        now = time.monotonic()
        if now - self._asked > settings.STREAM_RECHECK_SECONDS:
            self._asked = now
            if not await self._still_may_look():
                await self.close(FORBIDDEN)
                return
        await self.send(text_data=message["html"])

    async def _still_may_look(self) -> bool:
        try:
            allowed: bool = await self._may_look()
            return allowed
        except DatabaseError:
            return True  # nobody can say; who was let in may see that the database is away

    @database_sync_to_async
    def _may_look(self) -> bool:
        """Asked of the tables and not of what the socket began with: people sign out and lose rights."""
        user, session = self.scope["user"], self.scope["session"]
        if not user.is_authenticated or not session.exists(session.session_key):
            return False
        fresh: Any = get_user_model().objects.filter(pk=user.pk, is_active=True, is_staff=True).first()
        return bool(fresh and fresh.has_perm("board.view_session"))


def application() -> Any:
    """Only for pages of our own hosts, with the sign-in of the page."""
    return AllowedHostsOriginValidator(AuthMiddlewareStack(OperationsConsumer.as_asgi()))  # type: ignore[no-untyped-call]


__all__ = ["PATH", "OperationsConsumer", "application"]
