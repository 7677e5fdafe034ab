"""The hub of this web process, with what belongs to it."""

import asyncio
import signal
import threading
from types import FrameType
from weakref import WeakKeyDictionary

from django.conf import settings

from sessions.stream.chorus import Chorus
from sessions.stream.connections import conninfo
from sessions.stream.guard import Guard
from sessions.stream.hub import Hub
from sessions.stream.limits import Limits
from sessions.stream.overview import Overview

_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def current() -> Hub:
    """The hub of the running event loop (a process has one; a test may have several)."""
    loop = asyncio.get_running_loop()
    hub = _hubs.get(loop)
    if hub is None:
        hub = _hubs[loop] = Hub(conninfo(), Limits.from_settings(), listen=settings.STREAM_LISTEN)
        Guard(hub)
        hub.chorus = Chorus(hub)
        hub.overview = Overview(hub)
        _drain_on_signal(loop, hub)
    return hub


def _drain_on_signal(loop: asyncio.AbstractEventLoop, hub: Hub) -> None:
    """End all streams when the process is asked to stop, before the server does what it does by itself.

    The server's own handler is called as well; without this it would wait for streams that never end.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)
        if not callable(before):
            continue  # nobody handles it, so the process ends at once anyway

        def handle(signum: int, frame: FrameType | None, before: object = before) -> None:
            loop.call_soon_threadsafe(hub.drain)
            assert callable(before)
            before(signum, frame)

        signal.signal(number, handle)
