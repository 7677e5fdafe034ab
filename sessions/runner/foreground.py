"""Carries sessions on in the calling process, for the command line and for a machine without workers."""

import asyncio
import threading
import time
from collections.abc import Callable, Collection
from uuid import UUID

from django.conf import settings
from django.db import close_old_connections

from sessions.models import Event, Session, Status
from sessions.runner import identity
from sessions.runner.lease import expire_dead
from sessions.runner.loop import Runner

_MOVING = frozenset({Status.QUEUED.value, Status.RUNNING.value})


def drive_session(session_id: UUID | str, on_event: Callable[[Event], None] | None = None) -> str:
    """Carry one queued session to where it rests or ends; return its status then.

    When a worker has taken it meanwhile, wait for that one, and take over should it die. ``on_event`` sees every event
    of the session in order, the past ones first, from another thread.
    """
    key = UUID(str(session_id))
    expire_dead()
    teller = _Teller(key, on_event) if on_event else None
    if teller:
        teller.start()
    try:
        while (status := Session.objects.values_list("status", flat=True).get(pk=key)) in _MOVING:
            if not asyncio.run(_drive(key)):
                time.sleep(0.2)
    finally:
        if teller:
            teller.stop()
    return status


def drive_sessions(session_ids: Collection[UUID], *, capacity: int) -> None:
    """Carry queued sessions to where each rests or ends, up to ``capacity`` of them at once, and no other session.

    What a worker has taken meanwhile is waited for, and taken over should that worker die.
    """
    expire_dead()
    wanted = frozenset(session_ids)
    while Session.objects.filter(pk__in=wanted, status__in=_MOVING).exists():
        if not asyncio.run(_drive(wanted, capacity)):
            time.sleep(0.2)


def drive_all() -> int:
    """Carry on every session that is in line or was left behind, until none is; return how many runs ended."""
    expire_dead()
    return asyncio.run(_drive_everything())


async def _drive(only: UUID | frozenset[UUID], capacity: int = 1) -> int:
    return await Runner(identity.owner(), capacity=capacity, life=None, idle=0.0, only=only).main()


async def _drive_everything() -> int:
    return await Runner(identity.owner(), capacity=settings.RUNNER_CAPACITY, life=None, idle=0.0).main()


class _Teller(threading.Thread):
    """Tells a session's events as they are committed."""

    def __init__(self, session_id: UUID, tell: Callable[[Event], None]) -> None:
        super().__init__(name="teller", daemon=True)
        self._session_id, self._tell = session_id, tell
        self._last = 0
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.wait(0.1):
            self._tell_new()
            close_old_connections()

    def stop(self) -> None:
        self._stopping.set()
        self.join(5)
        self._tell_new()

    def _tell_new(self) -> None:
        news = Event.objects.filter(session_id=self._session_id, sequence__gt=self._last).order_by("sequence")
        for event in news:
            self._tell(event)
            self._last = event.sequence
