"""The broker's way from an event loop to the database: a few threads of its own, connections given back after use.

Retries happen inside the thread. A caller that is cancelled, or a loop that is torn down, therefore never takes an
unfinished write with it: the thread carries it to the end.
"""

import asyncio
import functools
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

import stamina
from django.db import InterfaceError, OperationalError, close_old_connections

P = ParamSpec("P")
R = TypeVar("R")

THREADS = 4
#: Seconds for which a read, or a write that may still be given up, is retried while the database is away.
SHORT = 10.0
#: Seconds for which a paid answer is kept in memory and its write retried.
LONG = 60.0

_lock = threading.Lock()
_executor: ThreadPoolExecutor | None = None
_executor_pid = 0


def _threads() -> ThreadPoolExecutor:
    """This process' executor; a forked child gets its own, since threads do not survive a fork."""
    global _executor, _executor_pid
    if _executor is None or _executor_pid != os.getpid():
        with _lock:
            if _executor is None or _executor_pid != os.getpid():
                _executor = ThreadPoolExecutor(THREADS, thread_name_prefix="llm-db")
                _executor_pid = os.getpid()
    return _executor


def submit(patience: float, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> "Future[R]":
    """Runs ``function`` in a database thread, again for up to ``patience`` seconds while the database is away."""
    return _threads().submit(_job, patience, functools.partial(function, *args, **kwargs))


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
        await asyncio.wait([future])
        if future.exception() is None:
            await run_to_end(undo, future.result())
        raise


def _job(patience: float, function: Callable[[], R]) -> R:
    close_old_connections()
    try:
        return function()
    except (OperationalError, InterfaceError):
        close_old_connections()
    finally:
        close_old_connections()
    for attempt in stamina.retry_context(
        on=(OperationalError, InterfaceError), attempts=None, timeout=patience, wait_initial=0.1, wait_max=2.0
    ):
        with attempt:
            try:
                return function()
            finally:
                close_old_connections()
    raise AssertionError("unreachable: the retry either returns or raises")
