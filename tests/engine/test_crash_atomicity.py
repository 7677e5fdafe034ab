"""SE1, SE2, SE5: a process that dies between any two writes of a step leaves all of the step or nothing."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bo1site.resilience import faults
from tests.chaos.kit import damage, repeated_calls, report, start_sessions
from tests.live import ROOT, Board, board

#: Points that only the last step passes; every other step has its rows written when its checkpoint comes.
LATE = ("saver.put.written", "saver.put.before_commit", "sink.before_end", "settle.before_commit")
SAVER_POINTS = [*(name for name in faults.POINTS if name.startswith(("saver.", "sink.")) and name not in LATE), *LATE]
CarryOn = Callable[..., int]


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    with board(tmp_path_factory.mktemp("crash"), web=False, worker=False) as running:
        yield running


@pytest.fixture(scope="module")
def carry_on(product: Board) -> Iterator[CarryOn]:
    """Carries a session on in a fresh process; returns how the process ended."""
    nursery = subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.nursery"],
        cwd=ROOT,
        env={**os.environ, **product.env},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert nursery.stdin
    assert nursery.stdout

    def carry(session: str, armed: Path | str = "") -> int:
        assert nursery.stdin
        assert nursery.stdout
        nursery.stdin.write(json.dumps([session, str(armed)]) + "\n")
        nursery.stdin.flush()
        return int(nursery.stdout.readline())

    yield carry
    nursery.stdin.close()
    nursery.wait(10)


def status(product: Board, session: str) -> str:
    return str(product.query("SELECT status FROM board_session WHERE id = %s::uuid", session)[0][0])


@pytest.mark.chaos
def test_a_kill_between_any_two_writes_of_a_step_leaves_all_of_it_or_nothing(
    product: Board, carry_on: CarryOn, tmp_path: Path
) -> None:
    undisturbed, session = start_sessions(product, 5, rounds=1)[::4]  # the same decision twice
    assert carry_on(undisturbed) == 0
    for number, name in enumerate(SAVER_POINTS):
        faults.arm(tmp_path, name, "kill" if name in LATE else f"kill {number % 3}")
        assert carry_on(session, tmp_path) == -signal.SIGKILL, name
        assert damage(product) == [], name
        assert status(product, session) == ("completed" if name.startswith("settle.") else "running"), name
    assert status(product, session) == "completed"
    assert repeated_calls(product) == []
    assert report(product, session) == report(product, undisturbed)


@pytest.mark.chaos
def test_a_worker_killed_in_mid_session_is_continued_by_the_documented_command(
    product: Board, carry_on: CarryOn, tmp_path: Path
) -> None:
    (session,) = start_sessions(product, 1, rounds=1)
    faults.arm(tmp_path, "llm.after", "kill 6")
    assert carry_on(session, tmp_path) == -signal.SIGKILL
    assert status(product, session) == "running"
    product.manage("run_sessions")
    assert status(product, session) == "completed"
    assert repeated_calls(product) == []
    assert damage(product) == []
