"""The broker's way from an event loop to the database: a few threads of its own, connections given back when idle.

Retries happen inside the thread. A caller that is cancelled, or a loop that is torn down, therefore never takes an
unfinished write with it: the thread carries it to the end.

A thread keeps its connection from one job to the next, because fetching one from the pool for each job costs more than
the job; after ``IDLE`` seconds without a job it gives the connection back.
"""

import asyncio
import atexit
import functools
import os
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, ParamSpec, TypeVar

import stamina
from django.conf import settings
from django.db import InterfaceError, OperationalError, connections

from bo1site.resilience.database import keep_plans

P = ParamSpec("P")
R = TypeVar("R")

THREADS = 2
#: Seconds after which an idle thread gives its connection back.
IDLE = 2.0
#: Seconds for which a read, or a write that may still be given up, is retried while the database is away.
SHORT = 10.0
#: Seconds for which a paid answer is kept in memory and its write retried.
LONG = 60.0

_GONE = (OperationalError, InterfaceError)


class _Threads:
    """A fixed number of threads that take jobs from one queue; begun with the first job."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"llm-db-{number}", daemon=True) for number in range(THREADS)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Callable[[], R]) -> "Future[R]":
        future: Future[R] = Future()
        self._jobs.put(functools.partial(_fulfil, future, job))
        return future

    def end(self) -> None:
        """Lets the threads finish what was submitted, and end."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join(LONG)

    def _work(self) -> None:
        connected = False
        while True:
            try:
                job = self._jobs.get(timeout=IDLE) if connected else self._jobs.get()
            except queue.Empty:
                connections.close_all()
                connected = False
                continue
            if job is None:
                connections.close_all()
                return
            job()
            connected = True


def _fulfil(future: "Future[Any]", job: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = job()
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)


_lock = threading.Lock()
_threads: _Threads | None = None


def _current() -> _Threads:
    """This process' threads; a forked child gets its own, since threads do not survive a fork."""
    global _threads
    if _threads is None or _threads.pid != os.getpid():
        with _lock:
            if _threads is None or _threads.pid != os.getpid():
                _threads = _Threads()
    return _threads


def close() -> None:
    """Ends the threads once their work is done, and with them their connections; later jobs begin new ones."""
    global _threads
    with _lock:
        ending, _threads = _threads, None
    if ending is not None and ending.pid == os.getpid():
        ending.end()


atexit.register(close)


def submit(patience: float, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> "Future[R]":
    """Runs ``function`` in a database thread, again for up to ``patience`` seconds while the database is away."""
    return _current().submit(functools.partial(_job, patience, functools.partial(function, *args, **kwargs)))


async def run(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """The result of a database function. Cancelling stops the wait, and the function too if it has not begun."""
    return await asyncio.wrap_future(submit(SHORT, function, *args, **kwargs))


async def run_to_end(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Like ``run``, but a cancellation takes effect only after the function has ended."""
    future = asyncio.wrap_future(submit(LONG, function, *args, **kwargs))
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        if not future.cancelled():
            await asyncio.wait([future])
        raise


async def acquire(function: Callable[[], R], undo: Callable[[R], object]) -> R:
    """Like ``run``, for a function that takes something which must be given back: a cancellation that comes while it
    runs is answered by ``undo`` with what it took."""
    future = asyncio.wrap_future(submit(SHORT, function))
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        if not future.cancelled():
            await asyncio.wait([future])
            if future.exception() is None:
                await run_to_end(undo, future.result())
        raise


def _job(patience: float, function: Callable[[], R]) -> R:
    try:
        return _planned(function)
    except _GONE:
        connections.close_all()
    for attempt in stamina.retry_context(on=_GONE, attempts=None, timeout=patience, wait_initial=0.1, wait_max=2.0):
        with attempt:
            try:
                return _planned(function)
            except _GONE:
                connections.close_all()
                raise
    raise AssertionError("unreachable: the retry either returns or raises")


def _planned(function: Callable[[], R]) -> R:
    if settings.ROLE == "worker":
        keep_plans()
    return function()
