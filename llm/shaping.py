"""How many calls a process sends to a provider at once and how fast, shared fairly between sessions.

Waiting calls queue by session, and sessions take turns: one with a hundred calls delays another's single call by one
turn, not by a hundred.
"""

import asyncio
import time
import weakref
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import Any

from django.conf import settings

from llm import metrics

#: Calls at once, for each provider in each process, unless the provider's settings say ``concurrency``.
CONCURRENCY = 256


class Gate:
    """At most ``concurrency`` calls inside; at most ``rate`` begun in a second on average, ``burst`` at once.

    ``rate`` 0 means any. Belongs to one event loop.
    """

    def __init__(self, concurrency: int, rate: float = 0.0, burst: int = 1) -> None:
        self._free = concurrency
        self._rate = rate
        self._burst = max(1, burst)
        self._tokens = float(self._burst)
        self._filled_at = time.monotonic()
        self._queues: OrderedDict[Hashable, deque[asyncio.Future[None]]] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_free(self) -> bool:
        return self._free > 0 and not self._queues

    @asynccontextmanager
    async def turn(self, key: Hashable) -> AsyncIterator[None]:
        """Waits for this key's turn. Cancelling the wait gives the place up."""
        await self._enter(key)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, key: Hashable) -> None:
        if not self._queues and self._take():
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(key, deque()).append(place)
        self._serve()
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():  # let in and cancelled in the same moment
                self._leave()
            raise

    def _leave(self) -> None:
        self._free += 1
        self._serve()

    def _serve(self) -> None:
        """Lets the front call of each session in, session after session, while there is room."""
        while self._queues:
            key, queue = next(iter(self._queues.items()))
            while queue and queue[0].done():
                queue.popleft()  # given up while waiting
            if not queue:
                del self._queues[key]
                continue
            if not self._take():
                return
            queue.popleft().set_result(None)
            self._queues.move_to_end(key)

    def _take(self) -> bool:
        if self._free <= 0:
            return False
        if self._rate > 0 and not self._take_token():
            return False
        self._free -= 1
        return True

    def _take_token(self) -> bool:
        now = time.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return True
        if self._timer is None:
            delay = (1.0 - self._tokens) / self._rate
            self._timer = asyncio.get_running_loop().call_later(delay, self._tick)
        return False

    def _tick(self) -> None:
        self._timer = None
        self._serve()


_gates: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[Any, ...], Gate]]" = (
    weakref.WeakKeyDictionary()
)


def gate(provider: str) -> Gate:
    """The provider's gate in the running loop, as ``LLM_PROVIDERS[provider]`` wants it: ``concurrency`` (calls),
    ``rate`` (calls a second, 0 = any) and ``burst`` (calls)."""
    entry: dict[str, Any] = settings.LLM_PROVIDERS.get(provider, {})
    rate = float(entry.get("rate", 0.0))
    key = (provider, int(entry.get("concurrency", CONCURRENCY)), rate, int(entry.get("burst", max(1, round(rate)))))
    gates = _gates.setdefault(asyncio.get_running_loop(), {})
    if key not in gates:
        gates[key] = Gate(*key[1:])
    return gates[key]


def is_free(provider: str) -> bool:
    """Whether a call would be let out at once."""
    return gate(provider).is_free


@asynccontextmanager
async def turn(provider: str, key: Hashable) -> AsyncIterator[None]:
    began = time.monotonic()
    async with gate(provider).turn(key):
        metrics.WAITING.labels(provider).observe(time.monotonic() - began)
        yield
