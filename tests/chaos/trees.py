"""A worker command's processes, and who of them does what."""

import contextlib
import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

from tests.live import Board


@dataclass(frozen=True)
class Tree:
    """The processes of one ``boardworker``: the main process, its sentinel, and the sentinel's children."""

    main: psutil.Process
    sentinel: psutil.Process
    children: list[psutil.Process]

    @classmethod
    def under(cls, supervisor: int) -> "Tree | None":
        """The tree that a supervisor keeps; None while it is incomplete."""
        with contextlib.suppress(psutil.Error):
            for main in psutil.Process(supervisor).children():
                if tree := cls.of(main.pid):
                    return tree
        return None

    @classmethod
    def of(cls, main: int, *, least: int = 5) -> "Tree | None":
        """The tree of a main process; None while its sentinel has fewer children than ``least``.

        Complete it has five: three workers at least, monitor and pusher.
        """
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(main)
            for sentinel in process.children():
                children = sentinel.children()
                if len(children) >= least:
                    return cls(process, sentinel, sorted(children, key=lambda child: child.create_time()))
        return None

    @property
    def everybody(self) -> list[psutil.Process]:
        return [self.main, self.sentinel, *self.children]

    def busy(self, board: Board) -> list[psutil.Process]:
        """Workers that drive sessions now."""
        pids = _of_owners(board, "SELECT DISTINCT lease_owner FROM board_session WHERE status = 'running'")
        return [child for child in self.children if child.pid in pids]

    def idle(self, board: Board) -> list[psutil.Process]:
        """Workers that wait for the queue. Only in a tree in which nobody has died: workers are the eldest then."""
        pids = _of_owners(board, "SELECT owner FROM board_runnerslot")
        return [child for child in self.children[:-2] if child.pid not in pids]


def _of_owners(board: Board, statement: str) -> set[int]:
    return {int(owner.split(":")[1]) for (owner,) in board.query(statement) if owner}


def kill(processes: Iterable[psutil.Process], how: int = signal.SIGKILL) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, how)


def gone(processes: Iterable[psutil.Process]) -> bool:
    """Whether none of them lives, not even under the same process id."""
    return not any(alive(process) for process in processes)


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
