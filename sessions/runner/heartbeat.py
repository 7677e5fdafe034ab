"""Renews the leases of what a runner drives, on a thread and a connection of its own, and brings it news.

The thread never waits for the event loop, the pool or a lock of another transaction of this process, so a busy runner
does not lose its sessions. A runner that could not renew for most of a lease stops by itself (``silent_for``).
"""

import logging
import select
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import psycopg
from django.conf import settings

from bo1site.resilience import faults
from bo1site.resilience.database import direct
from sessions.runner.lease import RENEW
from sessions.services.wake import CONTROL_CHANNEL, QUEUE_CHANNEL
from sessions.speech.wire import WATCHED

log = logging.getLogger(__name__)

_SLOT = (
    "UPDATE board_runnerslot SET lease_until = clock_timestamp() + %s * interval '1 second', sessions = %s,"
    " commit_delay_ms = %s WHERE owner = %s"
)


class Heartbeat(threading.Thread):
    """``held`` gives session ids and fences; the callbacks run in this thread.

    ``on_lost(session, fence)``: the session is no longer ours. ``on_bell()``: somebody queued a session.
    ``on_watched(ids)``: somebody looks at these sessions. What a session is asked to do (pause, evict) needs no
    heartbeat: its runner sees that with the commit of each step.
    """

    def __init__(
        self,
        owner: str,
        *,
        held: Callable[[], Mapping[UUID, int]],
        on_lost: Callable[[UUID, int], None],
        on_bell: Callable[[], None],
        on_watched: Callable[[str], None] = lambda ids: None,
        delay: Callable[[], float] = lambda: 0.0,
    ) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._owner, self._held, self._delay = owner, held, delay
        self._on_lost, self._on_bell, self._on_watched = on_lost, on_bell, on_watched
        self._stopping = threading.Event()
        self._renewed = time.monotonic()
        self._asked = False  # somebody wants something of a session of ours: the next beat comes at once

    def silent_for(self) -> float:
        """Seconds since the last renewal that succeeded."""
        return time.monotonic() - self._renewed

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        connection: psycopg.Connection[Any] | None = None
        while not self._stopping.is_set():
            try:
                if connection is None or connection.closed:
                    connection = self._connect()
                self._beat(connection)
                self._listen(connection)
            except psycopg.Error as error:
                log.warning("heartbeat: %s", error)
                if connection is not None:
                    connection.close()
                connection = None
                self._stopping.wait(0.2)
            except Exception:
                log.exception("heartbeat failed")
                self._stopping.wait(0.2)
        if connection is not None:
            connection.close()

    def _connect(self) -> psycopg.Connection[Any]:
        connection = direct("bo1-heartbeat")
        connection.execute("SET statement_timeout = 2000")
        connection.execute("SET lock_timeout = 1000")
        for channel in (QUEUE_CHANNEL, CONTROL_CHANNEL, WATCHED):
            connection.execute(f"LISTEN {channel}")
        # What comes beside the answer to a beat.
        connection.add_notify_handler(lambda notice: self._heard(notice.channel, notice.payload))
        return connection

    def _beat(self, connection: psycopg.Connection[Any]) -> None:
        faults.point("heartbeat.before")
        began = time.monotonic()
        held = dict(self._held())  # compared with this snapshot only: what is claimed meanwhile is not in the answer
        with connection.transaction():
            connection.execute(_SLOT, [settings.LEASE_SECONDS, len(held), round(self._delay() * 1000), self._owner])
            rows = connection.execute(RENEW, [settings.LEASE_SECONDS, list(held), list(held.values())]).fetchall()
        self._renewed = began
        alive = {session_id for (session_id,) in rows}
        for session_id, fence in held.items():
            if session_id not in alive:
                self._on_lost(session_id, fence)
        faults.point("heartbeat.after")

    def _listen(self, connection: psycopg.Connection[Any]) -> None:
        """Wait for the next beat, passing on the bell; a word about a session of ours ends the wait."""
        until, pgconn = self._renewed + settings.HEARTBEAT_SECONDS, connection.pgconn
        news = select.poll()  # psycopg's own generator looks up ten times a second and costs a notice 0.2 ms
        news.register(pgconn.socket, select.POLLIN)
        while not (self._stopping.is_set() or self._asked) and (left := until - time.monotonic()) > 0:
            if news.poll(min(left, 0.5) * 1000):
                pgconn.consume_input()
            while notice := pgconn.notifies():
                self._heard(notice.relname.decode(), notice.extra.decode())
        self._asked = False

    def _heard(self, channel: str, payload: str) -> None:
        if channel == QUEUE_CHANNEL:
            self._on_bell()
        elif channel == WATCHED:
            self._on_watched(payload)
        elif any(str(session_id) == payload for session_id in self._held()):
            self._asked = True
