"""``manage.py boardworker``: the queue's cluster, hardened against what kills a stock one.

What a stock django-q2 cluster does, and what this one does instead:

an idle worker is killed and takes the queue's lock along   the sentinel gives it back; failing that, it starts anew
the sentinel is killed, the rest lives on                   children die with it, the main process starts a new one
the main process is killed, the rest lives on               children die with it, whoever started it restarts
SIGTERM to the whole process group                          only the main process listens; workers drain
connections and pools are inherited over fork               closed before every fork
a worker dies with its sessions                             its leases are expired at once, another runner claims them
a queue entry is lost                                       the main process wakes a runner when work waits in vain
"""

import ctypes
import logging
import multiprocessing
import os
import signal
import sys
import time
from collections import deque
from multiprocessing.sharedctypes import RawValue
from typing import Any

import psycopg
from django.core.management.base import BaseCommand
from django.db import DatabaseError, InterfaceError, connections
from django_q import cluster as stock
from django_q.conf import Conf
from django_q.signals import post_spawn
from psycopg_pool import PoolTimeout

from bo1site.collector import leave_what_stands
from bo1site.resilience.database import direct
from bo1site.supervisor import die_with_parent
from llm import broker
from sessions.runner import identity, lease
from sessions.runner.loop import drain_when
from sessions.services import wake, watch
from sessions.task_pipe import TaskPipe

log = logging.getLogger(__name__)
conf: Any = Conf  # untyped: its attributes are read from Q_CLUSTER

#: Seconds between looks at the workers; a take-over after a worker's death waits for the next one.
GUARD_CYCLE = 0.2
#: Seconds for which entries may lie before idle workers until the cluster counts as stuck.
STUCK_AFTER = 5.0
#: Seconds between looks for work that nobody of this host is awake for, and between two wake-ups.
LOOK, WAKE_AGAIN = 0.3, 2.0
#: Clusters that may break within ``BROKEN_WITHIN`` seconds until the command gives up and wants a fresh process.
MOST_BROKEN, BROKEN_WITHIN = 3, 60.0
#: What the command exits with when it wants to be started again (EX_SOFTWARE).
RESTART = 70

_drain = RawValue(ctypes.c_byte, 0)


def _close_connections() -> None:
    for connection in connections.all(initialized_only=True):
        try:
            connection.close()
            connection.close_pool()  # type: ignore[attr-defined]
        except Exception:
            log.debug("closing before fork", exc_info=True)


def _in_child() -> None:
    die_with_parent()
    if os.getppid() == 1 and _MAIN != 1:
        os._exit(RESTART)  # the parent died before the kernel was told


_MAIN = os.getpid()


def _ignore_sigterm(**kwargs: Any) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


class Sentinel(stock.Sentinel):
    """Guards the workers; a dead one's sessions are free at once."""

    _stuck: tuple[Any, float] | None = None

    def start(self) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the main process alone decides when to stop
        self.task_queue = self._pipe = TaskPipe(conf.QUEUE_LIMIT or 0)
        super().start()  # type: ignore[no-untyped-call]

    def reincarnate(self, process: Any) -> None:
        pid, was_worker = process.pid, process in self.pool
        if was_worker and not process.is_alive() and self._pipe.relieve(pid):
            log.warning("worker %s died while it waited for a task; the next one waits in its place", pid)
        if was_worker and process.is_alive() and process.timer.value == 0:
            process.join(2)  # it ran into its time limit: let its result out, then make sure
            if process.is_alive():
                process.kill()
                process.join(2)
        super().reincarnate(process)  # type: ignore[no-untyped-call]
        if was_worker:
            _free(pid)

    def status(self) -> str:
        """Called once in each guard cycle, which makes it the place to look whether the queue still moves."""
        answer: str = super().status()
        waiting, done = self.task_queue.qsize(), self.result_queue.qsize()
        idle = any(process.timer.value == -1 for process in self.pool)
        if done or (waiting and idle):
            now = time.monotonic()
            if self._stuck is None or self._stuck[0] != (waiting, done):
                self._stuck = ((waiting, done), now)
            elif now - self._stuck[1] > STUCK_AFTER:
                log.critical("the queue is stuck (a worker died holding its lock); the cluster starts anew")
                os._exit(RESTART)
        else:
            self._stuck = None
        return answer


def _free(pid: int) -> None:
    """Expire what a dead process of this host held, and wake a runner for it."""
    begin = identity.of_process(pid)
    try:
        count = lease.expire([name for name in lease.holders() if name.startswith(begin)])
        if lease.claimable():
            wake.runners()
        log.warning("worker %s died; %s sessions are handed over", pid, count)
    except Exception:
        log.exception("the leases of worker %s could not be expired; they will run out", pid)
    finally:
        connections.close_all()


class Cluster(stock.Cluster):
    def sig_handler(self, signum: int, frame: Any) -> None:
        _drain.value = 1  # nothing else is safe in a signal handler


class Keeper:
    """Lives in the main process. Frees what dead processes of this host hold, whichever cluster they belonged to, and
    wakes a runner when work waits and nobody of this host is awake."""

    def __init__(self) -> None:
        self._connection: psycopg.Connection[Any] | None = None
        self._woken = self._looked = 0.0

    def tend(self) -> None:
        now = time.monotonic()
        if now - self._looked < LOOK:
            return
        self._looked = now
        try:
            needed, owners = self._look()
            dead = [name for name in owners if identity.is_dead(name)]
            if dead:
                count = lease.expire(dead)
                log.warning("%s sessions of dead processes are handed over", count)
            if (needed or dead) and now - self._woken > (0 if dead else WAKE_AGAIN):
                self._woken = now
                wake.runners()
            if needed or dead:
                connections.close_all()
        except Exception as error:
            log.warning("could not look for work: %s", error)
            self._connection = None

    def close(self) -> None:
        """Give the connection back: a child must not inherit it."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _look(self) -> tuple[bool, list[str]]:
        """Whether somebody has to be woken, and who holds leases or slots on this host."""
        if self._connection is None or self._connection.closed:
            self._connection = direct("bo1-keeper")
            self._connection.execute("SET statement_timeout = 2000")
        row = self._connection.execute(
            "SELECT (EXISTS (SELECT 1 FROM board_session WHERE status = 'queued') OR EXISTS (SELECT 1 FROM"
            " board_session WHERE status = 'running' AND lease_until < now())) AND NOT EXISTS (SELECT 1 FROM"
            " board_runnerslot WHERE host = %s AND lease_until >= now()), ARRAY(SELECT lease_owner FROM board_session"
            " WHERE status = 'running' AND lease_until >= now() AND starts_with(lease_owner, %s)"
            " UNION SELECT owner FROM board_runnerslot WHERE host = %s)",
            [identity.host(), identity.host() + ":", identity.host()],
        ).fetchone()
        return (bool(row[0]), list(row[1])) if row else (False, [])


class Command(BaseCommand):
    help = "Work on the queue until SIGTERM. Exits with 70 when it needs to be started again."

    def handle(self, *args: Any, **options: Any) -> None:
        multiprocessing.set_start_method("fork", force=True)
        os.register_at_fork(before=_close_connections, after_in_child=_in_child)
        drain_when(lambda: bool(_drain.value))
        conf.GUARD_CYCLE = GUARD_CYCLE
        stock.Sentinel = Sentinel  # type: ignore[misc]
        post_spawn.connect(_ignore_sigterm, weak=False)
        if not self._recover():
            broker.preload()  # once here instead of once in every worker, after each of their deaths
        leave_what_stands()
        keeper, broken = Keeper(), deque[float](maxlen=MOST_BROKEN)
        while not _drain.value:
            cluster: Any = Cluster()
            cluster.start()
            self._keep(cluster, keeper)
            if _drain.value:
                cluster.stop()
                break
            broken.append(time.monotonic())
            if len(broken) == MOST_BROKEN and broken[-1] - broken[0] < BROKEN_WITHIN:
                log.critical("%s clusters broke in a row; the command has to be started again", MOST_BROKEN)
                sys.exit(RESTART)
            log.critical("the sentinel died; a new cluster is started")
            keeper.close()
            self._recover_when_possible()
        sys.exit(0)

    def _recover_when_possible(self) -> None:
        """A cluster that breaks while PostgreSQL is away starts when it is back, without anybody's hand."""
        while not _drain.value:
            try:
                self._recover()
                return
            except (DatabaseError, InterfaceError, PoolTimeout) as error:
                log.warning("the new cluster waits for PostgreSQL: %s", str(error).partition("\n")[0])
                connections.close_all()
                time.sleep(1)

    @staticmethod
    def _recover() -> int:
        """What an earlier cluster of this host left behind is free at once; return how many sessions that were.

        Somebody who waits to be taken over does not wait for the SDKs: whoever drives him imports them then.
        """
        freed = lease.expire_dead()
        if freed:
            log.warning("%s sessions of an earlier worker are handed over", freed)
        watch.ensure_schedules()
        if lease.claimable():
            wake.runners()
        connections.close_all()
        return freed

    @staticmethod
    def _keep(cluster: Any, keeper: Keeper) -> None:
        """Until somebody asks for the end or the sentinel is dead."""
        while not _drain.value and cluster.sentinel.is_alive():
            keeper.tend()
            time.sleep(0.1)
