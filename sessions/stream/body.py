"""What one stream sends, from its greeting to its end."""

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager

from sessions.stream import frames, metrics
from sessions.stream.hub import AWAY, Hub, SessionGone
from sessions.stream.source import Now, Source
from sessions.stream.subscription import Subscription

#: Seconds between two tries while the database is away.
_PAUSE = 0.25
#: Streams that come back per second after this process has drained.
_RETURNING = 200


async def chunks(
    hub: Hub,
    subscription: Subscription,
    source: Source,
    *,
    registered: AbstractContextManager[object] = contextlib.nullcontext(),  # noqa: B008 (it has no state)
) -> AsyncGenerator[bytes, None]:
    """The bytes for one client, as ``source`` has them. ``registered`` is entered while the stream is open.

    Nothing is held while there is nothing to send: no thread, no connection, one future. It ends by itself when the
    source is over, and for the reasons of ``Subscription.ending``.
    """
    clock = asyncio.get_running_loop().time
    limits = hub.limits
    expires = clock() + limits.life * random.uniform(0.9, 1.1)  # noqa: S311
    out = frames.hello(round(limits.retry_ms * random.uniform(0.8, 1.2)))  # noqa: S311
    subscription.quiet = clock()
    clocked = _Alarm(subscription)
    part: bytes | Now
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
                part = await source.more()
            except SessionGone:
                subscription.end("gone")
                continue
            except AWAY:
                part = Now.WAIT
                clocked.wake_at(clock() + _PAUSE)
            if part is Now.OVER:
                break
            if part is not Now.WAIT:
                out = out + part if out else part
            elif not out:
                clocked.wake_at(subscription.quiet + limits.keepalive)
                subscription.waiting = True  # now the hub may write by itself, which moves `quiet` on
                await subscription.wake.wait()
                subscription.waiting = False
                if clock() < subscription.quiet + limits.keepalive:
                    continue
                out = frames.KEEPALIVE
            subscription.writing_since = clock()
            yield out
            subscription.writing_since, subscription.quiet, out = None, clock(), b""
        if out:
            yield out
    finally:
        clocked.cancel()
        metrics.CLIENTS.dec()
        metrics.ENDED.labels(subscription.ending or "over_or_left").inc()
        source.close()
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
