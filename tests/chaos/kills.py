"""``python -m tests.chaos.kills [--kills N]``: kill workers at random moments and at every named fault point.

Real worker processes, a real PostgreSQL and the offline provider over HTTP. Afterwards every session must be completed,
its events 1…n, no finished call paid twice, and its report that of an undisturbed run. Prints the table; exits with 1
when anything of that does not hold.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bo1site.resilience import faults
from tests.chaos.kit import PROBLEMS, damage, percentile, repeated_calls, report, start_sessions, statuses
from tests.chaos.trees import Tree
from tests.chaos.victims import take_overs
from tests.live import Board, board, wait_until

VICTIMS = ("busy worker", "busy worker", "busy worker", "any child", "sentinel", "main", "whole tree")
#: Points that a session passes only once, at its end, or that no session needs to pass.
RARE = (
    "saver.put.written",
    "saver.put.before_commit",
    "sink.before_end",
    "settle.before_commit",
    "settle.after_commit",
)


@dataclass(eq=False)
class Keeper(threading.Thread):
    """Starts workers again when they end, as systemd or ``make run`` would."""

    running: Board
    count: int
    env: dict[str, str]
    restarts: int = 0
    stopping: bool = False

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def names(self) -> list[str]:
        return [f"worker{number}" for number in range(self.count)]

    def run(self) -> None:
        for name in self.names():
            self.running.start_worker(name, **self.env)
        while not self.stopping:
            for name in self.names():
                if self.running.processes[name].poll() is not None and not self.stopping:
                    self.restarts += 1
                    self.running.start_worker(name, **self.env)
            time.sleep(0.05)


@dataclass
class Tally:
    kills: dict[str, int] = field(default_factory=dict)
    held: list[tuple[Any, int, Any]] = field(default_factory=list)  # session, fence, database time of the kill

    @property
    def total(self) -> int:
        return sum(self.kills.values())

    def add(self, what: str) -> None:
        self.kills[what] = self.kills.get(what, 0) + 1


class Killer:
    def __init__(self, running: Board, keeper: Keeper, armed: Path, seed: int) -> None:
        self.board, self.keeper, self.armed = running, keeper, armed
        self.random = random.Random(seed)
        self.tally = Tally()
        self.points = [name for name in faults.POINTS if name not in RARE]

    def kill_someone(self) -> None:
        """One kill: of a process at this very moment, or at the next pass of a fault point.

        Never the fourth in a row for a session that could store nothing in between: five are what makes it poison.
        """
        self._until_nobody_is_close_to_poison()
        if self.points and self.random.random() < 0.5:
            self._at_a_point(self.points.pop(0))
            return
        if not self.points:
            self.points = list(faults.POINTS)
        self._now(self.random.choice(VICTIMS))

    def _until_nobody_is_close_to_poison(self) -> None:
        close = "SELECT 1 FROM board_session WHERE status IN ('queued', 'running') AND claims >= 3"
        wait_until(lambda: not self.board.query(close), seconds=60, what="progress of sessions that were killed often")

    def _at_a_point(self, name: str) -> None:
        passes = 0 if name in RARE or name.startswith("claim") else self.random.randrange(4)
        faults.arm(self.armed, name, f"kill {passes}")
        fired = self.armed / f"{name}.fired"
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            if fired.exists():
                fired.unlink()
                self.tally.add("at a fault point")
                return
            if not self.board.query("SELECT 1 FROM board_session WHERE status IN ('queued', 'running')"):
                break  # nobody passes any more
            time.sleep(0.02)
        (self.armed / name).unlink(missing_ok=True)

    def _now(self, victim: str) -> None:
        pids = self._pids(victim)
        if not pids:
            return
        begins = [f":{pid}:" for pid in pids]
        rows = self.board.query(
            "SELECT id, fence, clock_timestamp(), lease_owner FROM board_session WHERE status = 'running'"
        )
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                return
        self.tally.add(victim)
        if victim == "busy worker":
            self.tally.held += [row[:3] for row in rows if any(begin in row[3] for begin in begins)]

    def _pids(self, victim: str) -> list[int]:
        if victim == "busy worker":
            rows = self.board.query("SELECT owner FROM board_runnerslot WHERE sessions > 0 AND lease_until > now()")
            return [int(self.random.choice(rows)[0].split(":")[1])] if rows else []
        tree = Tree.of(self.board.processes[self.random.choice(self.keeper.names())].pid, least=1)
        if tree is None:  # only just starting
            return []
        if victim == "whole tree":
            return [process.pid for process in tree.everybody]
        one = {"main": tree.main, "sentinel": tree.sentinel}.get(victim) or self.random.choice(tree.children)
        return [one.pid]


def main(kills: int, *, seed: int = 1, in_flight: int = 12, workers: int = 2) -> list[str]:
    """Run it and print the table; return what is wrong."""
    directory = Path(tempfile.mkdtemp(prefix="board-kills-"))
    armed = directory / "faults"
    armed.mkdir()
    with board(directory, web=False, worker=False, latency="0.05-0.4") as running:
        # A reference of each decision, undisturbed, before anybody dies.
        references = start_sessions(running, len(PROBLEMS), rounds=2)
        keeper = Keeper(running, workers, {"BO1_FAULT_DIR": str(armed), "LOG_LEVEL": "WARNING"})
        keeper.start()
        wait_until(lambda: statuses(running) == {"completed": len(references)}, seconds=120, what="the references")
        expected = [report(running, session) for session in references]

        killer = Killer(running, keeper, armed, seed)
        began, sessions = time.monotonic(), []
        try:
            while killer.tally.total < kills:
                live = running.query("SELECT count(*) FROM board_session WHERE status IN ('queued', 'running')")[0][0]
                if live < in_flight // 2:
                    sessions += start_sessions(running, in_flight - in_flight % len(PROBLEMS), rounds=2)
                killer.kill_someone()
                time.sleep(killer.random.uniform(0.1, 1.0))
            for point in armed.iterdir():
                point.unlink(missing_ok=True)
            done = len(references) + len(sessions)
            wait_until(lambda: statuses(running).get("completed") == done, seconds=120, what="all to be completed")
        except AssertionError as error:
            print(error, file=sys.stderr)
        finally:
            keeper.stopping = True
        return _table(running, killer, keeper, sessions, expected, time.monotonic() - began)


def _table(
    running: Board, killer: Killer, keeper: Keeper, sessions: list[str], expected: list[str], seconds: float
) -> list[str]:
    wrong = damage(running)
    wrong += [f"a call was paid {row[3]} times: {row}" for row in repeated_calls(running)]
    open_ones = {status: count for status, count in statuses(running).items() if status != "completed"}
    if open_ones:
        wrong.append(f"not completed: {open_ones}")
        wrong += [f"{row}" for row in running.query("SELECT id, failure FROM board_session WHERE status = 'failed'")]
    for number, session in enumerate(sessions):
        if report(running, session) != expected[number % len(PROBLEMS)]:
            wrong.append(f"{session}: its report differs from that of an undisturbed run")
    times = take_overs(running, killer.tally.held)
    events = running.query("SELECT count(*) FROM board_event")[0][0]
    calls = running.query("SELECT count(*), count(*) FILTER (WHERE status = 'finished') FROM llm_llmcall")[0]
    print(f"kills                 {killer.tally.total}  {killer.tally.kills}")
    print(f"sessions completed    {statuses(running).get('completed', 0)} of {len(sessions) + len(expected)}")
    print(f"events                {events}, gaps and duplicates: {sum('events' in item for item in wrong)}")
    print(f"calls                 {calls[0]} started, {calls[1]} finished, repeated: {len(repeated_calls(running))}")
    print(f"workers restarted     {keeper.restarts} times")
    print(
        f"take-over             p50 {percentile(times, 0.5):.2f} s, p99 {percentile(times, 0.99):.2f} s"
        f" ({len(times)} sessions of killed busy workers)"
    )
    print(f"time                  {seconds:.0f} s")
    for item in wrong[:20]:
        print("WRONG", item)
    return wrong


if __name__ == "__main__":
    os.environ.setdefault("SECRET_KEY", "only-for-chaos-" + "x" * 50)
    import tests.postgres  # noqa: F401  (starts or joins the test server)

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    sys.exit(bool(main(given.kills, seed=given.seed)))
