"""The way of a task from the queue's pusher to a worker, which outlives the worker that waits at its end."""

import os
from multiprocessing.sharedctypes import RawValue
from types import TracebackType
from typing import Any

from django_q.queues import Queue


class ReaderLock:
    """A lock between processes that knows who holds it, so that a dead holder can be relieved of it."""

    def __init__(self, lock: Any) -> None:
        self._lock = lock
        self._holder = RawValue("i", 0)

    def __enter__(self) -> None:
        self._lock.acquire()
        self._holder.value = os.getpid()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._holder.value = 0
        self._lock.release()

    def relieve(self, pid: int) -> bool:
        """Release the lock when process ``pid``, which is dead, holds it; return whether it did."""
        if self._holder.value != pid:
            return False
        self._holder.value = 0
        self._lock.release()
        return True


class TaskPipe(Queue):
    """django-q2's task queue, whose readers' lock does not die with the worker that waits for a task.

    A worker waits with the lock in its hand. Killed, it takes the lock along, and with a stock queue no worker ever
    reads again. It may still die between two instructions that the lock is about, or with half a task read: for that
    the cluster's watchdog stays.
    """

    def __init__(self, maxsize: int = 0) -> None:
        super().__init__(maxsize)  # type: ignore[no-untyped-call]
        self._rlock: Any = ReaderLock(self._rlock)

    def relieve(self, pid: int) -> bool:
        """Give back what the dead worker ``pid`` held; return whether it held anything."""
        return bool(self._rlock.relieve(pid))
