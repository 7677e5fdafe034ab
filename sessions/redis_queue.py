"""The queue over Redis, for boards with very many entries (``QUEUE=redis``); the table stays behind it.

An entry goes to Redis after the caller's transaction has committed, so nobody works on what was rolled back. Redis may
lose it: then the sweep of the worker command finds the session that waits, and wakes a runner. While Redis is away
entries go into the table, and workers take them from there, so that starting a session never depends on it.
"""

import logging
import os
from functools import partial
from typing import Any

import redis as client
from django.conf import settings
from django.db import close_old_connections, transaction

from bo1site.resilience import redis
from sessions.queue import NotifyBroker

log = logging.getLogger(__name__)

#: Seconds for one command: a request that starts a session waits for it, once a pause of the link.
PATIENCE = 0.25
#: Seconds a worker waits for an entry before it looks at the table again.
WAIT = 1


class RedisBroker(NotifyBroker):
    """django-q2's broker of this board with ``QUEUE=redis``. At most once, which a sweep makes up for."""

    _clients: tuple[int, client.Redis] | None = None

    def enqueue(self, task: str) -> Any:
        transaction.on_commit(partial(self._push, task))

    def _push(self, task: str) -> None:
        try:
            with redis.link().used():
                self._client().rpush(self.key, task)
        except redis.Unavailable:
            NotifyBroker.enqueue(self, task)

    def dequeue(self) -> list[tuple[Any, Any]] | None:
        """From the table what was put there while Redis was away, else from Redis; waits up to a second."""
        close_old_connections()
        if taken := self._take():
            return taken
        try:
            with redis.link().used():
                entry = self._client().blpop([self.key], WAIT)
        except redis.Unavailable:
            return super().dequeue()
        return [(None, entry[1])] if entry else None

    def acknowledge(self, task_id: Any) -> Any:
        """What Redis gave is gone from it already."""
        return NotifyBroker.acknowledge(self, task_id) if task_id else None  # type: ignore[no-untyped-call]

    def fail(self, task_id: Any) -> Any:
        return NotifyBroker.fail(self, task_id) if task_id else None  # type: ignore[no-untyped-call]

    def delete(self, task_id: Any) -> Any:
        return NotifyBroker.delete(self, task_id) if task_id else None  # type: ignore[no-untyped-call]

    def info(self) -> str:
        return "Redis, with PostgreSQL behind it"

    @property
    def key(self) -> str:
        return f"board:queue:{self.list_key}"

    @staticmethod
    def _client() -> client.Redis:
        """One a process: a socket that was inherited over a fork would be read by two."""
        if RedisBroker._clients is None or RedisBroker._clients[0] != os.getpid():
            made = client.Redis.from_url(
                settings.REDIS_URL, socket_timeout=WAIT + PATIENCE, socket_connect_timeout=PATIENCE
            )
            RedisBroker._clients = (os.getpid(), made)
        return RedisBroker._clients[1]
