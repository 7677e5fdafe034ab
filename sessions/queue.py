"""The queue's broker: django-q2's table, woken by NOTIFY instead of polling, first in first out.

Enqueueing is an insert in the caller's transaction, so it commits with the status change it belongs to; the bell rings
at that commit. Two clusters never take the same entry (SKIP LOCKED).
"""

import os
import time
from typing import Any

import psycopg
from django.db import close_old_connections, connections
from django_q.brokers.orm import ORM
from django_q.conf import Conf

from bo1site.resilience.database import direct
from sessions.services.wake import QUEUE_CHANNEL

_TAKE = """
UPDATE django_q_ormq SET lock = clock_timestamp() + %s * interval '1 second'
WHERE id IN (SELECT id FROM django_q_ormq WHERE key = %s AND lock <= clock_timestamp()
             ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING id, payload
"""


#: Seconds by which a bell is heard later here than by runners that are awake: what it rings for is mostly a session,
#: and an entry that finds no free slot would take the processor from whoever claims it.
AFTER_RUNNERS = 0.02

_conf: Any = Conf  # untyped: its attributes are read from Q_CLUSTER


class NotifyBroker(ORM):
    """django-q2's ORM broker with a doorbell: an entry is taken within milliseconds, also from another host."""

    _bell: tuple[int, psycopg.Connection[Any]] | None = None

    def enqueue(self, task: str) -> Any:
        entry = super().enqueue(task)  # type: ignore[no-untyped-call]
        with connections[_conf.ORM].cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, '')", [QUEUE_CHANNEL])
        return entry

    def dequeue(self) -> list[tuple[int, str]] | None:
        """Entries to work on; waits up to a second for the bell when there are none."""
        close_old_connections()
        if taken := self._take():
            return taken
        try:
            for _ in self._listen().notifies(timeout=1.0, stop_after=1):
                time.sleep(AFTER_RUNNERS)
        except psycopg.Error:
            NotifyBroker._bell = None
            raise
        return None

    def _take(self) -> list[tuple[int, str]]:
        """On the connection that hears the bell, and already does, so that nothing slips between look and wait."""
        try:
            return sorted(self._listen().execute(_TAKE, [_conf.RETRY, self.list_key, _conf.BULK]).fetchall())
        except psycopg.Error:
            NotifyBroker._bell = None
            raise

    @staticmethod
    def _listen() -> psycopg.Connection[Any]:
        bell = NotifyBroker._bell
        if bell is None or bell[0] != os.getpid() or bell[1].closed:
            connection = direct("bo1-queue", using=_conf.ORM)
            connection.execute(f"LISTEN {QUEUE_CHANNEL}")
            bell = NotifyBroker._bell = (os.getpid(), connection)
        return bell[1]
