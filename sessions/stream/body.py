"""What one stream sends, from its greeting to its end."""

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager

from sessions.stream import frames, metrics
from sessions.stream.hub import AWAY, Hub, SessionGone
from sessions.stream.ring import Channel, Cursor, Do, Gap, Send
from sessions.stream.subscription import Subscription

#: Seconds between two tries while the database is away, and the longest one try may take.
_PAUSE, _PATIENCE = 0.25, 10.0
#: Streams that come back per second after this process has drained.
_RETURNING = 200


async def chunks(
    hub: Hub,
    subscription: Subscription,
    last: int,
    head: int,
    *,
    registered: AbstractContextManager[object] = contextlib.nullcontext(),  # noqa: B008 (it has no state)
) -> AsyncGenerator[bytes, None]:
    """The bytes for a client whose last id is ``last``, when the table's newest sequence was ``head`` on admission.
    ``registered`` is entered while the stream is open.

    Nothing is held while there is nothing to send: no thread, no connection, one future. It ends by itself when the
    session is over and everything is delivered, and for the reasons of ``Subscription.ending``.
    """
    clock = asyncio.get_running_loop().time
    limits = hub.limits
    expires = clock() + limits.life * random.uniform(0.9, 1.1)  # noqa: S311
    out = frames.hello(round(limits.retry_ms * random.uniform(0.8, 1.2)))  # noqa: S311
    quiet = clock()
    clocked = _Alarm(subscription)
    channel: Channel | None = None
    cursor: Cursor | None = None
    step: Gap | Send | Do | None
    hub.join(subscription)
    metrics.CLIENTS.inc()
    registered.__enter__()
    try:
        while True:
            subscription.wake.clear()  # before looking, so that news during the look is not slept over
            if clock() >= expires:
                subscription.end("lifetime")
            if subscription.ending:
                out += _farewell(hub, subscription.ending)
                break
            try:
                if channel is None or cursor is None:
                    async with asyncio.timeout(_PATIENCE):
                        channel = await hub.watch(subscription)
                    hub.bell(subscription.session_id, head)  # another process may have told the client more
                    cursor = Cursor(last, head, channel)
                step = cursor.step(channel)
                if step is Do.READ:
                    async with asyncio.timeout(_PATIENCE):
                        page = await hub.replay(subscription.session_id, cursor.last)
                    gap, send = cursor.turn(page, channel)
                    out += _encode(gap) + _encode(send)
                    step = Do.WAIT if page is None and gap is None else None
            except SessionGone:
                subscription.end("gone")
                continue
            except AWAY:
                step = Do.WAIT
                clocked.wake_at(clock() + _PAUSE)
            if isinstance(step, Gap | Send):
                chunk = _encode(step)
                out = out + chunk if out else chunk
            elif step is Do.OVER:
                break
            if not out and step is Do.WAIT:
                due = quiet + limits.keepalive
                clocked.wake_at(due)
                await subscription.wake.wait()
                if clock() < due:
                    continue
                out = frames.KEEPALIVE
            subscription.writing_since = clock()
            yield out
            subscription.writing_since, quiet, out = None, clock(), b""
        if out:
            yield out
    finally:
        clocked.cancel()
        metrics.CLIENTS.dec()
        metrics.ENDED.labels(subscription.ending or "over_or_left").inc()
        hub.leave(subscription)
        registered.__exit__(None, None, None)


class _Alarm:
    """Wakes a stream at the earliest time asked for since it last rang. A timer for every wait would cost more than the
    rest of the loop; this one is set once a keepalive, and a stream that is woken early just looks at the clock."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription
        self._timer: asyncio.TimerHandle | None = None

    def wake_at(self, when: float) -> None:
        if self._timer is None or when < self._timer.when():
            self.cancel()
            self._timer = asyncio.get_running_loop().call_at(when, self._ring)

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer = None
        self._subscription.wake.set()


def _encode(part: Gap | Send | None) -> bytes:
    if part is None:
        return b""
    if isinstance(part, Gap):
        metrics.GAPS.inc()
        return frames.gap(part.expected, part.actual)
    metrics.SENT.inc(part.count)
    return part.body


def _farewell(hub: Hub, reason: str) -> bytes:
    """``stream_end`` with the time to come back: soon after a full life, spread after a shutdown, never else."""
    if reason == "left":
        return b""
    if reason == "lifetime":
        return frames.end(reason, random.randint(100, 1100))  # noqa: S311
    if reason == "draining":
        longest = max(3000, len(hub.subscriptions) * 1000 // _RETURNING)
        return frames.end(reason, random.randint(500, longest))  # noqa: S311
    return frames.end(reason)
