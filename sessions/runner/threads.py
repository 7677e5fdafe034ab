"""The event loop's way to PostgreSQL: a few threads that keep their connections, and try again while it is away."""

import asyncio
import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.db import connection

from bo1site.resilience.database import is_transient, keep_plans
from sessions.runner import metrics

log = logging.getLogger(__name__)

R = TypeVar("R")

#: Seconds for which work is tried again while the database is away; a paid answer stays in memory so long.
PATIENCE = 30.0
#: A transaction of a process that was frozen gives its locks back after so many milliseconds.
IDLE_IN_TRANSACTION_MS = 4000
#: Seconds for which a measured delay stands: it is asked for at every turn of a runner, and to find it is to sort.
DELAY_STANDS = 0.25


class DatabaseThreads:
    """An executor whose threads hold one connection each for as long as it lives."""

    def __init__(self, count: int, name: str) -> None:
        self._executor = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._closing = threading.Event()
        self._delays: deque[tuple[float, float]] = deque(maxlen=2000)
        self._delay, self._measured = 0.0, 0.0

    async def run(self, function: Callable[[], R]) -> R:
        """The result of ``function``. Cancelling stops the wait, never a function that has begun."""
        asked = time.monotonic()
        result = await asyncio.get_running_loop().run_in_executor(self._executor, self._job, function)
        self._note(time.monotonic() - asked)
        return result

    def delay(self, window: float = 10.0) -> float:
        """Seconds that 99 of 100 calls of the last ``window`` seconds took at most, waiting in line included."""
        now = time.monotonic()
        if now - self._measured >= DELAY_STANDS:
            recent = sorted(seconds for at, seconds in list(self._delays) if at >= now - window)
            self._delay = recent[int(len(recent) * 0.99)] if len(recent) >= 20 else 0.0
            self._measured = now
        return self._delay

    def close(self) -> None:
        """End the threads and give their connections back; work that waits for the database gives up."""
        self._closing.set()
        # All threads meet, so that each one closes its own: a connection that dies with its thread leaves the pool
        # one short for good.
        threads = len(self._executor._threads)
        meeting = threading.Barrier(threads) if threads else None

        def leave() -> None:
            assert meeting is not None
            with contextlib.suppress(threading.BrokenBarrierError):
                meeting.wait(5)
            connection.close()

        for _ in range(threads):
            self._executor.submit(leave)
        self._executor.shutdown(wait=True)

    def _note(self, seconds: float) -> None:
        self._delays.append((time.monotonic(), seconds))
        metrics.COMMIT_DELAY.observe(seconds)

    def _job(self, function: Callable[[], R]) -> R:
        deadline = time.monotonic() + PATIENCE
        wait = 0.05
        while True:
            try:
                _connect()
                return function()
            except Exception as error:
                if not is_transient(error):
                    raise
                connection.close()
                if time.monotonic() + wait > deadline or self._closing.wait(wait):
                    raise
                log.warning("the database is away (%s); trying again", type(error).__name__)
                wait = min(wait * 2, 1.0)


def _connect() -> None:
    if keep_plans():
        with connection.cursor() as cursor:
            cursor.execute(f"SET idle_in_transaction_session_timeout = {IDLE_IN_TRANSACTION_MS}")


def in_threads(threads: DatabaseThreads) -> Callable[[Callable[[], Any]], Any]:
    """``threads.run`` in the shape that saver and reader take."""
    return threads.run
