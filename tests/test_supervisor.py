"""The supervisor restarts what dies and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from bo1site.supervisor import Child, Supervisor, free_port
from tests.live import ROOT, wait_until

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
]


def test_a_child_that_dies_is_started_again() -> None:
    child = Child("sleeper", SLEEPER)
    child.start()
    assert child.process
    first = child.process.pid
    child.process.kill()
    try:
        wait_until(lambda: (child.tend() or True) and child.process and child.process.pid != first, seconds=10)
        assert child.process
        assert child.process.poll() is None
    finally:
        Supervisor([child]).shut_down()


def test_a_child_that_keeps_dying_is_started_less_and_less_often() -> None:
    child = Child("dying", [sys.executable, "-c", "raise SystemExit(3)"])
    delays = []
    for _ in range(3):
        child.next_start = 0
        child.tend()
        assert child.process
        child.process.wait(10)
        assert child.tend()
        delays.append(child.delay)
    assert delays == [1.0, 2.0, 4.0]


def test_a_child_that_ignores_sigterm_is_killed_after_its_grace() -> None:
    child = Child("deaf", DEAF, grace=0.2)
    child.start()
    assert child.process
    process = psutil.Process(child.process.pid)
    Supervisor([child]).shut_down()
    assert not process.is_running()


def test_children_die_with_a_supervisor_that_is_killed() -> None:
    script = (
        "from bo1site.supervisor import Child, Supervisor; import sys;"
        f"c = Child('sleeper', {SLEEPER!r});"
        "Supervisor([c]).run(is_up=lambda: c.process is not None, when_up=lambda: print(c.process.pid, flush=True))"
    )
    supervisor = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE)
    assert supervisor.stdout
    child = psutil.Process(int(supervisor.stdout.readline()))
    supervisor.kill()
    supervisor.wait(10)
    supervisor.stdout.close()
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, seconds=10)


def test_sigterm_ends_the_run_with_zero_and_no_child_left(tmp_path: Path) -> None:
    child = Child("sleeper", SLEEPER)
    supervisor = Supervisor([child])
    seen: list[int] = []

    def stop_when_up() -> None:
        assert child.process
        seen.append(child.process.pid)
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()

    handlers = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        assert supervisor.run(when_up=stop_when_up, is_up=lambda: child.process is not None) == 0
    finally:
        for name, handler in handlers.items():
            signal.signal(name, handler)
    assert not psutil.pid_exists(seen[0])


def test_a_taken_port_is_not_offered() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) != port


@pytest.mark.parametrize("port", [0])
def test_any_port_is_a_real_one(port: int) -> None:
    assert 1024 <= free_port(port) <= 65535
