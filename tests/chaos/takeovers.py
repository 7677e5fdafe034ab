"""``python -m tests.chaos.takeovers [--kills N] [--hosts N]``: how long a dead one's sessions wait for the next.

One busy worker after the other is killed, and then one whole host after the other, each on a board at work and only
when it has recovered from the one before. Prints the seconds from the kill to the next claim over all sessions that
were held; exits with 1 when a session was harmed or the 99th percentile is above what SE5 asks for: 1 s after the
death of a worker process, 5 s after the loss of a host.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.chaos import trees
from tests.chaos.kit import damage, percentile, repeated_calls, start_sessions, statuses
from tests.chaos.trees import Tree
from tests.chaos.victims import held_by, lose_a_host, take_overs
from tests.live import Board, board, wait_until

AFTER_A_WORKER, AFTER_A_HOST = 1.0, 5.0
#: Sessions put into line at once, and how many have to run before somebody dies.
FRESH, AT_WORK = 24, 12
_RUNNING = "SELECT count(*) FROM board_session WHERE status = 'running'"
#: A session that has stored nothing since it was claimed again might be driven alone after another kill.
_UNSETTLED = "SELECT 1 FROM board_session WHERE status IN ('queued', 'running') AND claims > 1"


def kill_a_worker(running: Board, main: int) -> tuple[list[float], int]:
    """Kill the worker that drives most; seconds until each of its sessions was claimed again, and how many it held."""
    if running.query(_RUNNING)[0][0] < AT_WORK:
        start_sessions(running, FRESH, rounds=2)
    wait_until(lambda: running.query(_RUNNING)[0][0] >= AT_WORK, seconds=60, what="a board at work")
    wait_until(lambda: not running.query(_UNSETTLED), seconds=60, what="everybody to have made a step")
    tree = wait_until(lambda: Tree.of(main), seconds=60, what="a whole tree")
    victim = max(tree.busy(running), key=lambda process: len(held_by(running, [process])))
    held = held_by(running, [victim])
    trees.kill([victim])
    wait_until(lambda: settled(running, held), seconds=60, what="its sessions to be claimed again")
    return take_overs(running, held), len(held)


def settled(running: Board, held: list[tuple[Any, int, Any]]) -> bool:
    """Whether each session has a new claim, or had come to its end."""
    return all(
        running.query(
            "SELECT 1 FROM board_session WHERE id = %s AND (fence > %s OR status NOT IN ('running', 'queued'))",
            key,
            fence,
        )
        for key, fence, _ in held
    )


def main(kills: int, hosts: int) -> list[str]:
    """Run it and print the table; return what is wrong."""
    wrong: list[str] = []
    directory = Path(tempfile.mkdtemp(prefix="board-takeovers-"))
    with board(directory, web=False, worker=False, latency="0.3-1.0", LOG_LEVEL="WARNING") as running:
        worker = running.start_worker()
        times, held = [], 0
        for _ in range(kills):
            taken, had = kill_a_worker(running, worker.pid)
            times += taken
            held += had
            time.sleep(0.5)  # kills at different moments of a beat
        wait_until(lambda: set(statuses(running)) == {"completed"}, seconds=300, what="every session to be completed")
        wrong += told(f"{kills} workers", times, held, AFTER_A_WORKER)
        running.only("provider")
        times = []
        for _ in range(hosts):
            row = lose_a_host(running, FRESH, timed=False)
            times += row.take_overs
            wrong += row.wrong
        if hosts:
            wrong += told(f"{hosts} hosts", times, len(times), AFTER_A_HOST)
        harm = damage(running) + [f"a finished call was paid again: {call}" for call in repeated_calls(running)]
        print(f"sessions completed    {statuses(running).get('completed', 0)}, damaged or paid twice: {len(harm)}")
        wrong += harm
    for item in wrong[:20]:
        print("WRONG", item)
    return wrong


def told(what: str, times: list[float], held: int, promised: float) -> list[str]:
    """Print a line; return what is wrong with it."""
    slowest = max(times, default=0.0)
    late = percentile(times, 0.99)
    print(
        f"{what:<21} {held} sessions held, {len(times)} taken over:"
        f" p50 {percentile(times, 0.5):.2f} s, p99 {late:.2f} s, slowest {slowest:.2f} s",
        flush=True,
    )
    if not times:
        return [f"{what}: nobody was taken over, so this showed nothing"]
    return [f"{what}: p99 {late:.2f} s, {promised:.0f} s are promised"] if late > promised else []


if __name__ == "__main__":
    os.environ.setdefault("SECRET_KEY", "only-for-chaos-" + "x" * 50)
    import tests.postgres  # noqa: F401

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--hosts", type=int, default=5)
    given = parser.parse_args()
    sys.exit(bool(main(given.kills, given.hosts)))
