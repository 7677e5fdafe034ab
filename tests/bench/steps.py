"""``python -m tests.bench.steps``: one step through our saver against LangGraph's own, in one run.

Ours proves a fence, writes four events and a contribution and moves the session on; PostgresSaver, where it is
installed, only stores checkpoint and writes. Prints medians in milliseconds and the ratio for states of 10 kB, 100 kB
and 1 MB, and the bytes stored after 3, 10 and 30 rounds, before and after pruning.
"""

import os
import statistics
import time
from collections.abc import Callable
from typing import Any

SIZES = (10_000, 100_000, 1_000_000)
REPEATS = {10_000: 200, 100_000: 100, 1_000_000: 20}


def main() -> None:
    from tests.live import database

    with database() as url:
        os.environ["DATABASE_URL"] = url
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bo1site.settings")
        import django

        django.setup()
        print(f"{'state':>8}  {'ours':>9}  {'PostgresSaver':>13}  ratio")
        stock = _stock(url)
        for size in SIZES:
            ours = _median(_ours(size), REPEATS[size])
            theirs = _median(stock(size), REPEATS[size]) if stock else None
            ratio = f"{ours / theirs:.2f}" if theirs else "-"
            stored = f"{theirs:.2f} ms" if theirs else "not installed"
            print(f"{size // 1000:>5} kB  {ours:>6.2f} ms  {stored:>13}  {ratio}")
        print(f"\n{'rounds':>8}  {'stored':>9}  after pruning")
        for rounds in (3, 10, 30):
            before, after = _stored(rounds)
            print(f"{rounds:>8}  {before / 1000:>6.0f} kB  {after / 1000:>6.0f} kB")


def _median(step: Callable[[], None], repeats: int) -> float:
    for _ in range(5):
        step()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        step()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


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


def _ours(size: int) -> Callable[[], None]:
    from django.db import connection

    from sessions.graph import drafts
    from sessions.graph.saver import Saver
    from tests.engine.lab import contribution

    connection.ensure_connection()  # as a runner's threads do
    connection.connection.prepare_threshold = 5
    saver, claim, state = Saver(), _claimed(), {"n": 0, "at": None}

    def step() -> None:
        state["n"] += 1  # type: ignore[operator]
        number = state["n"]
        said = contribution(f"k{number}", 1, "p")
        said += [drafts.event("phase_started", f"e{number}:{part}", phase="debating") for part in range(3)]
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
            saver.put_writes(config, [("text", "x"), ("outbox", said)], f"task{number}")
        stored = saver.put(config, checkpoint, {"source": "loop", "step": 1}, versions)
        state["at"] = stored["configurable"]["checkpoint_id"]

    return step


def _stock(url: str) -> Callable[[int], Callable[[], None]] | None:
    try:
        from langgraph.checkpoint.postgres import PostgresSaver  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return None
    import psycopg
    from psycopg.rows import dict_row

    connection: Any = psycopg.connect(url, autocommit=True, prepare_threshold=0, row_factory=dict_row)  # type: ignore[arg-type]
    saver = PostgresSaver(connection)
    saver.setup()

    def sized(size: int) -> Callable[[], None]:
        state: dict[str, Any] = {"n": 0, "at": None}

        def step() -> None:
            state["n"] += 1
            config: Any = {"configurable": {"thread_id": f"t{size}", "checkpoint_ns": "", "checkpoint_id": state["at"]}}
            checkpoint, versions = _checkpoint(saver, "x" * size)
            if state["at"]:
                saver.put_writes(config, [("text", "x"), ("outbox", [])], f"task{state['n']}")
            stored = saver.put(config, checkpoint, {"source": "loop", "step": 1}, versions)
            state["at"] = stored["configurable"]["checkpoint_id"]

        return step

    return sized


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


if __name__ == "__main__":
    os.environ.setdefault("SECRET_KEY", "only-for-benchmarks-" + "x" * 50)
    import tests.postgres  # noqa: F401

    main()
