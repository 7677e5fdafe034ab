"""``python -m tests.bench.sessions [--sessions N]``: many sessions at once against the offline provider.

Prints sessions a minute, from the first claim to the last end and with the start of the worker's processes; the time
of a session against its ideal (the expected time of its calls on the critical path), the delay between a finished step
and its commit, memory, processor time and database connections, and the time from putting a session into line to its
first call.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import psutil
import psycopg

#: Seconds an offline call takes, uniformly distributed.
LATENCY = "0.5-2.0"
#: Seconds between two looks at the memory of all workers, which take processor time from what is measured.
WEIGH = 3.0


def main(count: int, *, slots: int = 2) -> None:
    from tests.chaos.kit import damage, repeated_calls, start_sessions
    from tests.live import board, wait_until

    directory = Path(tempfile.mkdtemp(prefix="board-bench-"))
    with board(directory, web=False, worker=False, latency=LATENCY, LOG_LEVEL="WARNING") as running:
        start_sessions(running, count, rounds=2)
        began = time.monotonic()
        worker = running.start_worker(RUNNER_SLOTS=str(slots), MOST_RUNNING=str(count))
        tree = psutil.Process(worker.pid)
        weighed = began
        most: dict[str, float] = {"rss": 0.0, "connections": 0.0, "delay": 0.0}

        watch = psycopg.connect(running.database_url, autocommit=True)  # one for all looks: opening costs the server

        def done() -> bool:
            nonlocal weighed
            if time.monotonic() - weighed >= WEIGH:
                weighed = time.monotonic()
                most["rss"] = max(most["rss"], sum(map(_memory, [tree, *tree.children(recursive=True)])))
            row = watch.execute(
                "SELECT (SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'bo1-%'"
                " AND datname = current_database()), (SELECT coalesce(max(commit_delay_ms), 0) FROM board_runnerslot),"
                " (SELECT count(*) FROM board_session WHERE status = 'completed')"
            ).fetchone()
            assert row is not None
            connections, delay, completed = row
            most["connections"] = max(most["connections"], connections)
            most["delay"] = max(most["delay"], delay)
            time.sleep(0.5)
            return bool(completed == count)

        wait_until(done, seconds=900, what="all sessions")
        whole = time.monotonic() - began
        cpu = sum(_cpu(process) for process in [tree, *tree.children(recursive=True)])
        lasted, seconds = running.query(
            "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - started_at)),"
            " extract(epoch FROM max(finished_at) - min(started_at))::float8 FROM board_session"
        )[0]
        print(f"sessions              {count}, all completed in {seconds:.1f} s: {60 * count / seconds:.0f} a minute")
        print(f"with the start        of the worker's processes: {whole:.1f} s, {60 * count / whole:.0f} a minute")
        ideal = statistics.median(_ideals(running))
        print(f"time a session        p50 {float(lasted):.1f} s, ideal {ideal:.1f} s: {float(lasted) / ideal:.2f}×")
        print(f"step to commit        p99 {most['delay']:.0f} ms at worst")
        print(f"workers               {most['rss'] / 1e6:.0f} MB, {cpu / count:.2f} s of processor time a session")
        print(f"connections           {most['connections']:.0f}")
        print(f"whole                 {len(damage(running))} damaged, {len(repeated_calls(running))} calls repeated")
        _first_call(running)


def _ideals(running: Any) -> list[float]:
    """Seconds that each session would take if nothing but its calls took time: from its own shape and the expected
    latency of a call, and of the slowest of several side by side. Debates of sub-problems count as parallel.
    """
    low, high = map(float, LATENCY.split("-"))

    def slowest(calls: int) -> float:
        return low + (high - low) * calls / (calls + 1)

    debates: dict[Any, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    groups = (
        "SELECT session_id, sub_problem, count(*) FROM board_contribution GROUP BY session_id, sub_problem, round",
        "SELECT session_id, sub_problem, 1 FROM board_assessment",
        "SELECT session_id, sub_problem, count(*) FROM board_recommendation GROUP BY session_id, sub_problem",
    )
    for session, part, calls in (row for statement in groups for row in running.query(statement)):
        debates[session][part] += slowest(calls)
    around = running.query(
        "SELECT session_id, count(DISTINCT node) FROM llm_llmcall WHERE node NOT IN ('persona', 'assess', 'vote')"
        " AND session_id IS NOT NULL GROUP BY 1"
    )
    return [steps * slowest(1) + max(debates[session].values(), default=0.0) for session, steps in around]


def _first_call(running: Any, times: int = 10) -> None:
    from tests.chaos.kit import start_sessions
    from tests.live import wait_until

    start_sessions(running, times, rounds=1)
    wait_until(lambda: not running.query("SELECT 1 FROM board_session WHERE status <> 'completed'"), seconds=300)
    row = running.query(
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM c.first - s.queued_at) * 1000)"
        " FROM (SELECT id, queued_at FROM board_session ORDER BY id DESC LIMIT %s) s"
        " JOIN (SELECT session_id, min(started_at) AS first FROM llm_llmcall GROUP BY 1) c ON c.session_id = s.id",
        times,
    )
    print(f"line to first call    p50 {float(row[0][0]):.0f} ms")


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().uss)
    except psutil.Error:
        return 0


def _cpu(process: psutil.Process) -> float:
    try:
        used = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(used.user + used.system)


if __name__ == "__main__":
    os.environ.setdefault("SECRET_KEY", "only-for-benchmarks-" + "x" * 50)
    import tests.postgres  # noqa: F401

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=200)
    main(parser.parse_args().sessions)
