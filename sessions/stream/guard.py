"""Ends streams that must not go on: the right to read is gone, the client does not read, the process stops."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

from django.contrib.auth import get_user_model
from django.db import DatabaseError

from sessions.stream.hub import AWAY, Hub
from sessions.stream.subscription import Subscription

log = logging.getLogger(__name__)

#: Seconds between two looks at the open streams.
_EVERY = 1.0
#: Streams whose reader is not the owner, or is not active any more: those the full check looks at.
_SUSPECTS = """
SELECT w.n FROM unnest(%s::text[], %s::uuid[]) WITH ORDINALITY AS w(user_id, session_id, n)
LEFT JOIN board_session s ON s.id = w.session_id
LEFT JOIN {users} u ON u.id::text = w.user_id
WHERE s.owner_id::text IS DISTINCT FROM w.user_id OR u.is_active IS NOT TRUE
"""


class Guard:
    """Watches the streams of one hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="stream-guard")
        self._checks: set[asyncio.Task[None]] = set()
        hub.on_access = self.access_changed
        hub.also(self._tend_for_ever)

    def access_changed(self, user_id: str) -> None:
        """Somebody changed what ``user_id`` may do (``*``: what anybody may do): look at their streams at once."""
        mine = [s for s in self._hub.subscriptions if user_id in ("*", str(s.reader.user_id))]
        task = asyncio.create_task(self._check(mine))
        self._checks.add(task)
        task.add_done_callback(self._checks.discard)

    async def _check(self, suspects: list[Subscription]) -> None:
        loop = asyncio.get_running_loop()
        asked: dict[object, list[Subscription]] = {}
        for subscription in suspects:  # many tabs of one reader are one question
            asked.setdefault((subscription.reader, subscription.topic), []).append(subscription)
        for same in asked.values():
            try:
                reason = await loop.run_in_executor(self._threads, same[0].why_not)
            except DatabaseError as error:
                log.warning("Cannot check who may read, trying again soon: %s", error)
                return
            if reason:
                for subscription in same:
                    subscription.end(reason)

    async def _tend_for_ever(self) -> None:
        clock = asyncio.get_running_loop().time
        checked = clock()
        while True:
            await asyncio.sleep(_EVERY)
            now = clock()
            for subscription in list(self._hub.subscriptions):
                since = subscription.writing_since
                if since is not None and now - since > self._hub.limits.slow:
                    _drop(subscription)
            if now - checked > self._hub.limits.recheck:
                checked = now
                await self._recheck()

    async def _recheck(self) -> None:
        streams = [s for s in self._hub.subscriptions if s.session_id]
        await self._check([s for s in self._hub.subscriptions if not s.session_id])
        if not streams:
            return
        query = _SUSPECTS.format(users=get_user_model()._meta.db_table)
        pairs = [[str(s.reader.user_id) for s in streams], [s.session_id for s in streams]]
        try:
            rows = await self._hub.reads.rows(query, pairs)
        except AWAY:
            return
        await self._check([streams[n - 1] for (n,) in rows])


def _drop(subscription: Subscription) -> None:
    """Close the connection of a client that does not read: it holds memory, and will resume where it was."""
    if subscription.ending != "slow":
        log.info("a client of session %s does not read and is closed", subscription.session_id)
    subscription.end("slow")
    if subscription.abort:
        subscription.abort()
