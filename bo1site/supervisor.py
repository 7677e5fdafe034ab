"""Keeps the processes of a local board alive: provider, web, worker, and the embedded PostgreSQL under them.

A production deployment has systemd or a container runtime for this (docs/operations.md); the rules are the same:
restart what dies, ask before killing, leave nothing behind.
"""

import contextlib
import ctypes
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType

log = logging.getLogger(__name__)

#: Seconds between two starts of a child that keeps dying: doubles from the first to the second.
FIRST_DELAY, LONGEST_DELAY = 0.5, 10.0
#: Seconds a child that lived this long counts as healthy again.
HEALTHY_AFTER = 20.0
_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent dies (Linux; elsewhere nothing happens)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port(preferred: int, host: str = "127.0.0.1") -> int:
    """``preferred`` when nobody listens there, else a free port of the system's choice."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port")


@dataclass
class Child:
    """One supervised process. ``grace``: seconds between SIGTERM and SIGKILL when the board stops."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    grace: float = 10.0
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    delay: float = FIRST_DELAY
    next_start: float = 0.0

    def start(self) -> None:
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            self.command,
            env={**os.environ, **self.env},
            start_new_session=True,  # Ctrl-C reaches only the supervisor, which then asks in order
            preexec_fn=die_with_parent,
        )

    def tend(self) -> bool:
        """Restart the process if it has died and its delay is over; return whether it was found dead just now."""
        if self.process is None:
            if time.monotonic() >= self.next_start:
                self.start()
            return False
        code = self.process.poll()
        if code is None:
            return False
        lived = time.monotonic() - self.started
        self.delay = FIRST_DELAY if lived > HEALTHY_AFTER else min(self.delay * 2, LONGEST_DELAY)
        self.next_start = time.monotonic() + (0 if lived > HEALTHY_AFTER else self.delay)
        log.warning("%s ended with code %s after %.0f s; it is started again", self.name, code, lived)
        self.process = None
        return True


class Supervisor:
    """Runs ``children`` until ``stop`` or a signal, in the order given, and stops them in reverse."""

    def __init__(self, children: Sequence[Child], *, tend_also: Callable[[], None] | None = None) -> None:
        self.children = list(children)
        self.tend_also = tend_also
        self.stopping = False

    def stop(self, signum: int | None = None, frame: FrameType | None = None) -> None:
        self.stopping = True

    def run(self, *, when_up: Callable[[], None] | None = None, is_up: Callable[[], bool] = lambda: True) -> int:
        """Start everything, call ``when_up`` once ``is_up`` says so, and stay until told to stop; return 0."""
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, self.stop)
        announced = False
        try:
            while not self.stopping:
                if self.tend_also:
                    self.tend_also()
                for child in self.children:
                    child.tend()
                if not announced and is_up():
                    announced = True
                    if when_up:
                        when_up()
                time.sleep(0.2)
        finally:
            self.shut_down()
        return 0

    def shut_down(self) -> None:
        """SIGTERM to all at once, then SIGKILL to whole process groups that outlive their grace."""
        alive = [child for child in reversed(self.children) if child.process and child.process.poll() is None]
        for child in alive:
            assert child.process
            child.process.send_signal(signal.SIGTERM)
        for child in alive:
            assert child.process
            try:
                child.process.wait(max(0.1, child.grace))
            except subprocess.TimeoutExpired:
                log.warning("%s did not stop within %.0f s and is killed", child.name, child.grace)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.process.pid, signal.SIGKILL)  # whatever of its group is left
            child.process.wait()
            child.process = None
