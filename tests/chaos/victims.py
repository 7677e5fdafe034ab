"""``python -m tests.chaos.victims [--sessions N]``: kill each kind of process once, in the middle of work.

A real worker command under the product's supervisor, PostgreSQL and the offline provider over HTTP. For each victim:
every session is completed and whole, the dead one's sessions are claimed again in time, no more calls were started
than what was in flight explains, and no process of the old tree lives on. Then the same for a host that is lost for
good, and for SIGTERM. Prints the table; exits with 1 when anything of that does not hold.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.chaos import trees
from tests.chaos.kit import damage, in_flight, repeated_calls, start_sessions, started_twice, statuses
from tests.chaos.trees import Tree
from tests.live import Board, board, wait_until

#: Victims in an order that keeps the tree fresh for the first, and seconds within which their sessions are claimed
#: again (a lease is 4 s). An idle worker holds no session: there it is the queue that has to move again.
VICTIMS = {"idle worker": 10.0, "busy worker": 3.0, "sentinel": 3.0, "main": 3.0, "whole tree": 9.0, "host": 5.0}
#: Calls that may be started again beyond those that were in flight when somebody was killed.
SPARE_CALLS = 5
#: Seconds a worker has for SIGTERM: the supervisor's grace.
STOP_WITHIN = 20.0
#: Puts a task into the queue twice a second until one of them has been done.
_ASK = """
import time
from django_q.tasks import async_task
from sessions.models import AuditEntry
row = AuditEntry.objects.create(actor="victims", action="ask", object_type="row", object_id="asked")
until = time.monotonic() + 60
while time.monotonic() < until and not AuditEntry.objects.filter(action="read", object_type=str(row.pk)).exists():
    async_task("tests.chaos.row_task.read", row.pk)
    time.sleep(0.5)
print("ROW", row.pk)
"""


@dataclass
class Row:
    """What one kill did. ``take_overs`` are seconds from the kill to the next claim, one for each session held."""

    victim: str
    sessions: int
    take_overs: list[float] = field(default_factory=list)
    in_flight: int = 0
    repeated: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        slowest = f"{max(self.take_overs):.2f} s" if self.take_overs else "nobody's"
        calls = f"{self.repeated} calls again, {self.in_flight} in flight"
        return (
            f"{self.victim:<18} {self.sessions:>3} sessions  take-over {slowest:>9}  {calls}  {self.wrong or 'whole'}"
        )


def strike(running: Board, victim: str, supervisor: int, count: int, *, timed: bool) -> Row:
    """Kill ``victim`` while ``count`` fresh sessions are at work, and see them through."""
    tree = wait_until(lambda: Tree.under(supervisor), seconds=60, what="a whole tree")
    if timed:  # the supervisor waits for a second before it restarts what died young
        wait_until(lambda: time.time() - tree.main.create_time() > 21, seconds=30, what="the tree to be of age")
    ids = start_sessions(running, count, rounds=2)
    wait_until(lambda: at_work(running, ids), seconds=120, what="sessions to be in mid-debate")
    chosen = pick(running, tree, victim)
    row, before = Row(victim, count), started_twice(running)
    held = held_by(running, chosen if victim == "busy worker" else tree.everybody)
    [(struck,)] = running.query("SELECT clock_timestamp()")
    row.in_flight = in_flight(running, ids)
    trees.kill(chosen)
    if victim == "idle worker":
        row.take_overs.append(until_queue_moves(running, struck))
    # A sentinel takes its workers with it; the main process lives on and starts a new one.
    doomed = {"sentinel": tree.everybody[1:], "main": tree.everybody}.get(victim, chosen)
    wait_until(lambda: trees.gone(doomed), seconds=20, what="the old processes to be gone")
    see_through(running, row)
    if victim != "idle worker":
        row.take_overs += take_overs(running, held)
        if not row.take_overs:
            row.wrong.append("the victim held no session, so this showed nothing")
    row.repeated = started_twice(running) - before
    judge(row, timed=timed)
    return row


def lose_a_host(running: Board, count: int, *, timed: bool) -> Row:
    """Two worker hosts on one machine; everything of one is killed and nobody starts it again."""
    names = ("north", "south")
    hosts = {name: running.start_worker(name, BO1_HOST=name) for name in names}
    ids = start_sessions(running, count, rounds=2)
    wait_until(lambda: at_work(running, ids), seconds=120, what="sessions to be in mid-debate")
    [(host,)] = running.query(
        "SELECT split_part(lease_owner, '/', 1) FROM board_session WHERE status = 'running'"
        " GROUP BY 1 ORDER BY count(*) DESC LIMIT 1"
    )
    tree = wait_until(lambda: Tree.of(hosts[host].pid), seconds=60, what="a whole tree")
    row, before = Row("host", count), started_twice(running)
    held = held_by(running, tree.everybody)
    row.in_flight = in_flight(running, ids)
    trees.kill(tree.everybody)
    see_through(running, row)
    row.take_overs += take_overs(running, held)
    row.repeated = started_twice(running) - before
    (other,) = set(names) - {host}
    running.kill(other, signal.SIGTERM)
    hosts[other].wait(STOP_WITHIN)
    judge(row, timed=timed)
    return row


def ask_to_stop(running: Board, whom: str, count: int) -> Row:
    """SIGTERM to the main process or to its whole group: exit 0 in time, and not one call is made twice."""
    worker = running.start_worker("stopping")
    ids = start_sessions(running, count, rounds=2)
    wait_until(lambda: at_work(running, ids), seconds=120, what="sessions to be in mid-debate")
    tree = wait_until(lambda: Tree.of(worker.pid), seconds=60, what="a whole tree")
    row = Row(f"SIGTERM to {whom}", count, in_flight=in_flight(running, ids))
    before = started_twice(running)
    if whom == "group":
        os.killpg(worker.pid, signal.SIGTERM)
    else:
        worker.send_signal(signal.SIGTERM)
    code = worker.wait(STOP_WITHIN + 10)
    if code != 0:
        row.wrong.append(f"exit code {code}")
    if not trees.gone(tree.everybody):
        row.wrong.append("a process lives on")
    if left := running.query("SELECT count(*) FROM board_session WHERE status = 'running'")[0][0]:
        row.wrong.append(f"{left} sessions were not handed back")
    again = running.start_worker("continuing")
    see_through(running, row)
    row.repeated = started_twice(running) - before
    if row.repeated:
        row.wrong.append(f"{row.repeated} calls were made twice")
    again.send_signal(signal.SIGTERM)
    again.wait(STOP_WITHIN + 10)
    return row


def at_work(running: Board, ids: list[str]) -> bool:
    """Whether every one of these sessions has heard at least one persona, and most are not over yet."""
    [(spoken, busy)] = running.query(
        "SELECT count(*), count(*) FILTER (WHERE status = 'running') FROM board_session s WHERE id = ANY(%s::uuid[])"
        " AND EXISTS (SELECT 1 FROM board_contribution c WHERE c.session_id = s.id)",
        ids,
    )
    assert busy or spoken < len(ids), "all of them were over before anybody looked"
    return bool(spoken == len(ids) and busy >= len(ids) / 2)


def pick(running: Board, tree: Tree, victim: str) -> list[psutil.Process]:
    if victim == "idle worker":
        return tree.idle(running)  # all of them: one waits with the queue's lock, the others wait for the lock
    if victim == "busy worker":
        return tree.busy(running)[:1]
    return {"sentinel": [tree.sentinel], "main": [tree.main], "whole tree": tree.everybody}[victim]


def held_by(running: Board, processes: list[psutil.Process]) -> list[tuple[Any, int, Any]]:
    """Session, fence and the database's time of now, for each session that one of the processes drives."""
    pids = [str(process.pid) for process in processes]
    return [
        (session, fence, at)
        for session, fence, at in running.query(
            "SELECT id, fence, clock_timestamp() FROM board_session WHERE status = 'running'"
            " AND split_part(lease_owner, ':', 2) = ANY(%s)",
            pids,
        )
    ]


def take_overs(running: Board, held: list[tuple[Any, int, Any]]) -> list[float]:
    """Seconds from the kill to the next claim of each session that was held (it may have ended by itself before)."""
    found = []
    for session, fence, at in held:
        row = running.query(
            "SELECT extract(epoch FROM min(started_at) - %s) FROM board_run WHERE session_id = %s AND fence > %s",
            at,
            session,
            fence,
        )
        if row[0][0] is not None:
            found.append(float(row[0][0]))
    return sorted(found)


def until_queue_moves(running: Board, struck: Any) -> float:
    """Seconds from ``struck`` (the database's time) until a task that was put into the queue after it is done."""
    row = running.manage("shell", "-c", _ASK).stdout.partition("ROW ")[2].strip()
    [(seconds,)] = running.query(
        "SELECT extract(epoch FROM min(created_at) - %s) FROM board_auditentry WHERE action = 'read'"
        " AND object_type = %s",
        struck,
        row,
    )
    assert seconds is not None, "the queue did not move again within a minute"
    return float(seconds)


def see_through(running: Board, row: Row) -> None:
    def over() -> bool:
        return set(statuses(running)) == {"completed"}

    try:
        wait_until(over, seconds=180, what="every session to be completed")
    except AssertionError:
        row.wrong.append(f"not all completed: {statuses(running)}")
    row.wrong += damage(running)
    row.wrong += [f"a finished call was paid again: {call}" for call in repeated_calls(running)]


def judge(row: Row, *, timed: bool) -> None:
    """``timed`` holds it to seconds, which only a machine that does nothing else can promise."""
    if row.repeated > row.in_flight + SPARE_CALLS:
        row.wrong.append("more calls were started again than had been in flight")
    slowest = max(row.take_overs, default=0.0)
    if timed and slowest > VICTIMS[row.victim]:
        row.wrong.append(f"take-over took {slowest:.2f} s; at most {VICTIMS[row.victim]:.0f} s are promised")


def main(count: int, *, timed: bool = True, latency: str = "0.3-1.0", only: tuple[str, ...] = ()) -> list[str]:
    """Run the matrix and print the table; return what is wrong."""
    directory = Path(tempfile.mkdtemp(prefix="board-victims-"))
    rows: list[Row] = []

    def note(row: Row) -> None:
        rows.append(row)
        print(row, flush=True)

    with board(directory, web=False, worker=False, latency=latency, LOG_LEVEL="WARNING") as running:
        supervisor = running.start("supervisor", ["-m", "tests.chaos.supervised"])
        for victim in VICTIMS:
            if victim != "host" and (not only or victim in only):
                note(strike(running, victim, supervisor.pid, count, timed=timed))
        supervisor.send_signal(signal.SIGTERM)
        supervisor.wait(STOP_WITHIN + 10)
        if not only or "host" in only:
            note(lose_a_host(running, count, timed=timed))
        for whom in ("main", "group"):
            if not only or "SIGTERM" in only:
                note(ask_to_stop(running, whom, count))
    return [f"{row.victim}: {item}" for row in rows for item in row.wrong]


if __name__ == "__main__":
    os.environ.setdefault("SECRET_KEY", "only-for-chaos-" + "x" * 50)
    import tests.postgres  # noqa: F401  (starts or joins the test server)

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=40)
    parser.add_argument("--only", nargs="*", default=[], help="victims to kill: " + ", ".join([*VICTIMS, "SIGTERM"]))
    given = parser.parse_args()
    sys.exit(bool(main(given.sessions, only=tuple(given.only))))
