"""Which connections processes hold, and when (DB2, DB3): counted in the server and in the kernel."""

import os
from collections import defaultdict
from pathlib import Path

import psutil
import pytest

from sessions.runner.loop import DATABASE_THREADS
from tests.chaos.figures import figures
from tests.chaos.kit import start_sessions
from tests.live import Board, board, wait_until

pytestmark = pytest.mark.slow
SESSIONS = 20
#: Connections that a worker keeps however many sessions it drives: those of its database and control threads, and one
#: each for the queue's pusher, monitor and sentinel.
KEPT = DATABASE_THREADS + 1 + 3


def backends(running: Board) -> list[tuple[str, str]]:
    """Application and state of every connection to the product's own database."""
    return running.query(  # type: ignore[return-value]
        "SELECT application_name, state FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND application_name LIKE 'bo1-%%'"
    )


def test_workers_hold_no_connection_while_they_wait_for_a_model_and_each_role_has_its_name(tmp_path: Path) -> None:
    with board(tmp_path, RUNNER_SLOTS="1", METRICS_DIR=str(tmp_path / "metrics")) as running:
        running.fault(provider="anthropic", kind="delay", seconds=20)
        running.fault(provider="openai", kind="delay", seconds=20)
        start_sessions(running, SESSIONS, rounds=1)
        waiting = "SELECT count(*) FROM llm_llmcall WHERE status = 'started'"
        wait_until(lambda: running.query(waiting)[0][0] >= SESSIONS, seconds=120, what="every session to wait")

        def at_rest() -> list[tuple[str, str]] | None:
            found = backends(running)
            return found if all(state == "idle" for _, state in found) else None

        found = wait_until(at_rest, seconds=20, what="every connection to be idle, none in a transaction")

        def held() -> float:
            return figures(running.url)['board_pool_in_use{role="worker"}']

        # The broker's threads give theirs back a quarter of a second after their last job; the models think for 20.
        wait_until(lambda: held() <= KEPT, seconds=12, what=f"at most {KEPT} connections for {SESSIONS} sessions")
        assert running.query(waiting)[0][0] >= SESSIONS, "they still wait for the model"
        names = {name for name, _ in found}
        assert {"bo1-web", "bo1-worker"} <= names
        print(
            f"\n{SESSIONS} sessions wait for a model, {held():.0f} connections are held, none in a transaction: {names}"
        )


def test_no_two_processes_share_a_connection(tmp_path: Path) -> None:
    """A pool that is inherited over a fork has one process read the answers of another."""
    with board(tmp_path, web=False, latency="0.2-0.4") as running:
        start_sessions(running, 6, rounds=1)
        waiting = "SELECT count(*) FROM board_session WHERE status = 'running'"
        wait_until(lambda: running.query(waiting)[0][0] >= 4, seconds=120, what="sessions to run")
        main = psutil.Process(running.processes["worker"].pid)
        family = [main, *main.children(recursive=True)]
        assert len(family) > 3
        owners = defaultdict(set)
        for process in family:
            for fd in Path(f"/proc/{process.pid}/fd").iterdir():
                try:
                    target = os.readlink(fd)
                except OSError:
                    continue  # closed meanwhile
                if target.startswith("socket:"):
                    owners[target].add(process.pid)
        assert len(owners) > 4
        assert {socket: pids for socket, pids in owners.items() if len(pids) > 1} == {}
