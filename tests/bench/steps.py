"""``python -m tests.bench.steps``: one step through our saver against LangGraph's own, in one run.

Ours proves a fence, writes four events and a contribution and moves the session on; PostgresSaver only stores
checkpoint and writes. The two take turns, in several rounds on fresh connections. Prints the time from putting a
session into line to its first call of a model, on a board that has nothing else to do; medians in milliseconds, their
ratio and that of the best and the worst round for states of 10 kB, 100 kB and 1 MB; the same for a step of four tasks
side by side, each of which writes a contribution and its event; and the bytes stored after 3, 10 and 30 rounds, before
and after pruning.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from tests.live import Board

#: How LangGraph names the path of a task that an edge has called, as in most steps, and of one of several at once.
ALONE, ONE_OF = "~__pregel_pull, node", "~__pregel_push, {}"
#: Bytes of state, tasks of a step, rounds, and steps of a round.
CASES = ((10_000, 1, 5, 200), (100_000, 1, 3, 50), (1_000_000, 1, 3, 10), (10_000, 4, 5, 60))


def main() -> None:
    from tests.live import board

    with board(Path(tempfile.mkdtemp(prefix="board-steps-")), web=False, worker=False, LOG_LEVEL="WARNING") as running:
        url = os.environ["DATABASE_URL"] = running.database_url
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bo1site.settings")
        import django

        django.setup()
        times = _first_calls(running)
        middle, fastest = statistics.median(times), min(times)
        print(f"line to first call    p50 {middle:.1f} ms of {len(times)}, fastest {fastest:.1f} ms\n")
        print(f"{'state':>8}  tasks  {'ours':>9}  {'PostgresSaver':>13}  ratio  of rounds")
        for size, tasks, rounds, repeats in CASES:
            taken = [_times((_ours(size, tasks), _stock(url, size, tasks)), repeats) for _ in range(rounds)]
            ours, theirs = (statistics.median(chain.from_iterable(one)) for one in zip(*taken, strict=True))
            ratios = [statistics.median(one) / statistics.median(other) for one, other in taken]
            print(
                f"{size // 1000:>5} kB  {tasks:>5}  {ours:>6.2f} ms  {theirs:>10.2f} ms  {ours / theirs:>5.2f}"
                f"  {min(ratios):.2f} to {max(ratios):.2f}"
            )
        print(f"\n{'rounds':>8}  {'stored':>9}  after pruning")
        for rounds in (3, 10, 30):
            before, after = _stored(rounds)
            print(f"{rounds:>8}  {before / 1000:>6.0f} kB  {after / 1000:>6.0f} kB")


def _times(steps: Sequence[Callable[[], None]], repeats: int) -> list[list[float]]:
    """Milliseconds of each; in turns, so that whatever else the machine does befalls them alike."""
    times: list[list[float]] = [[] for _ in steps]
    for turn in range(repeats + 5):
        for step, taken in zip(steps, times, strict=True):
            began = time.perf_counter()
            step()
            if turn >= 5:
                taken.append((time.perf_counter() - began) * 1000)
    return times


def _checkpoint(saver: Any, text: str) -> tuple[Any, Any]:
    from langgraph.checkpoint.base import empty_checkpoint

    versions = {"text": saver.get_next_version(None, None)}
    return {**empty_checkpoint(), "channel_values": {"text": text}, "channel_versions": versions}, versions


def _claimed() -> Any:
    from django.contrib.auth import get_user_model

    from sessions.runner import identity, lease
    from sessions.services.start import Decision, create, start
    from tests.conftest import PROBLEM

    owner, _ = get_user_model().objects.get_or_create(username="bench")
    session = start(create(owner, Decision(PROBLEM)))
    return lease.claim(identity.owner(), 1, only=session.pk)[0]


def _ours(size: int, tasks: int) -> Callable[[], None]:
    from django.db import connection

    from bo1site.resilience.database import keep_plans
    from sessions.graph import drafts
    from sessions.graph.saver import Saver
    from tests.engine.lab import contribution

    connection.close()
    keep_plans()  # as a runner's threads do
    saver, claim, state = Saver(), _claimed(), {"n": 0, "at": None}

    def step() -> None:
        state["n"] += 1  # type: ignore[operator]
        number = state["n"]
        said = [contribution(f"k{number}:{task}", 1, f"p{task}") for task in range(tasks)]
        if tasks == 1:
            said[0] += [drafts.event("phase_started", f"e{number}:{part}", phase="debating") for part in range(3)]
        config: Any = {
            "configurable": {
                "thread_id": str(claim.session_id),
                "checkpoint_ns": "",
                "fence": claim.fence,
                "checkpoint_id": state["at"],
            }
        }
        checkpoint, versions = _checkpoint(saver, "x" * size)
        if state["at"]:
            for task, path in enumerate(_paths(tasks)):
                saver.put_writes(config, [("text", "x"), ("outbox", said[task])], f"task{number}:{task}", path)
        stored = saver.put(config, checkpoint, {"source": "loop", "step": 1}, versions)
        state["at"] = stored["configurable"]["checkpoint_id"]

    return step


def _paths(tasks: int) -> list[str]:
    return [ALONE] if tasks == 1 else [ONE_OF.format(task) for task in range(tasks)]


def _stock(url: str, size: int, tasks: int) -> Callable[[], None]:
    import psycopg
    from langgraph.checkpoint.postgres import PostgresSaver
    from psycopg.rows import dict_row

    connection: Any = psycopg.connect(url, autocommit=True, prepare_threshold=0, row_factory=dict_row)  # type: ignore[arg-type]
    saver = PostgresSaver(connection)
    saver.setup()
    state: dict[str, Any] = {"n": 0, "at": None, "thread": str(uuid4())}

    def step() -> None:
        state["n"] += 1
        config: Any = {
            "configurable": {"thread_id": state["thread"], "checkpoint_ns": "", "checkpoint_id": state["at"]}
        }
        checkpoint, versions = _checkpoint(saver, "x" * size)
        if state["at"]:
            for task, path in enumerate(_paths(tasks)):
                saver.put_writes(config, [("text", "x"), ("outbox", [])], f"task{state['n']}:{task}", path)
        stored = saver.put(config, checkpoint, {"source": "loop", "step": 1}, versions)
        state["at"] = stored["configurable"]["checkpoint_id"]

    return step


def _stored(rounds: int) -> tuple[int, int]:
    """Bytes of checkpoints, blobs and writes of a small deliberation, before and after pruning."""
    import asyncio

    from django.contrib.auth import get_user_model
    from django.db import connection

    from sessions.graph.saver import Saver
    from sessions.services.start import Decision, create, start
    from tests.conftest import PROBLEM
    from tests.engine.lab import Lab

    owner, _ = get_user_model().objects.get_or_create(username="bench")
    session = start(create(owner, Decision(PROBLEM)))
    asyncio.run(Lab(steps=rounds, personas=4).runner(only=session.pk).main())

    def size() -> int:
        with connection.cursor() as cursor:
            total = 0
            for table in ("checkpoint", "checkpointblob", "checkpointwrite"):
                cursor.execute(
                    f"SELECT coalesce(sum(pg_column_size(t.*)), 0) FROM board_{table} t WHERE thread_id = %s",
                    [str(session.pk)],
                )
                total += int(cursor.fetchone()[0])
            return total

    before = size()
    Saver().prune([str(session.pk)])
    return before, size()


def _first_calls(running: "Board", times: int = 20) -> list[float]:
    """Milliseconds from the commit that puts a session into line to its first call, one session after the other, while
    a runner is awake."""
    from django.contrib.auth import get_user_model
    from django.db import transaction

    from sessions.services.start import Decision, create, start
    from tests.conftest import PROBLEM
    from tests.live import wait_until

    owner, _ = get_user_model().objects.get_or_create(username="bench")
    running.start_worker(RUNNER_IDLE="30")
    done = "SELECT 1 FROM board_session WHERE id = %s AND status = 'completed'"
    found = []
    for number in range(times + 3):
        session = create(owner, Decision(PROBLEM, max_rounds=1))
        with transaction.atomic():
            start(session)
            committed = time.time()
        time.sleep(0.2)  # a look opens a connection, which would take the processor from what is measured
        wait_until(partial(running.query, done, str(session.pk)), seconds=120, what="a session to be completed")
        [(seconds,)] = running.query(
            "SELECT extract(epoch FROM min(started_at)) FROM llm_llmcall WHERE session_id = %s", str(session.pk)
        )
        if number >= 3:
            found.append((float(seconds) - committed) * 1000)
    running.only("provider")  # the worker would take what is to be measured next
    return found


if __name__ == "__main__":
    os.environ.setdefault("SECRET_KEY", "only-for-benchmarks-" + "x" * 50)
    import tests.postgres  # noqa: F401

    main()
