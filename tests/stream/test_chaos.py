"""Real processes and servers, killed and restarted under open streams (SS1, SS2, SS4, SS6, SS7)."""

import asyncio
import itertools
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from bo1site import embedded
from tests.chaos.kit import damage, start_sessions, statuses
from tests.live import database, fill
from tests.stream.client import connect, get, until
from tests.stream.processes import Redis, Site, follow, ids_of_one_stream

pytestmark = [pytest.mark.chaos, pytest.mark.slow]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with database() as url:
        running = Site(url, tmp_path, {"DATABASE_URL": url, "BO1_DATA": str(tmp_path / "data")})
        try:
            yield running
        finally:
            running.stop()


async def eventually(condition: Callable[[], Any], *, seconds: float = 120) -> None:
    """Wait for what has to be asked for in a thread."""
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110 (it lies in another process)
            await asyncio.sleep(0.1)


async def both(site: Site) -> list[str]:
    """Start two web processes, ``one`` and ``two``; their addresses."""
    return await asyncio.gather(*(asyncio.to_thread(site.web, name) for name in ("one", "two")))


def path(session: str) -> str:
    return f"/api/v1/sessions/{session}/stream"


async def test_a_client_that_drops_1000_times_sees_every_event_once_though_processes_die(site: Site) -> None:
    """SS1, SS2: one client drops a busy session 1,000 times, others follow real deliberations and drop as well; web
    processes, the worker that deliberates and the busy session's writer are killed now and then."""
    headers, rng, total = site.add_reader(), random.Random(7), 1500
    busy = site.add_session()
    await asyncio.to_thread(site.start_provider, "0.3")
    site.start_worker()
    urls = dict(zip(("one", "two"), await both(site), strict=True))
    real = await asyncio.to_thread(start_sessions, site, 16, rounds=3)
    killed = dict.fromkeys(["writer", "worker", *urls], 0)

    async def murder() -> None:
        writer = site.writer(busy, 0, total, 150)
        for victim in itertools.cycle(["writer", "worker", "one", "two"]):
            await asyncio.sleep(2)
            if victim == "writer" and writer.poll() is not None:
                continue  # it has written everything
            if victim == "worker":
                if set(statuses(site)) == {"completed", "running"} and not deliberating():
                    continue
                await eventually(deliberating)
            site.kill(victim)
            killed[victim] += 1
            if victim == "writer":
                done = site.query("SELECT last_sequence FROM board_session WHERE id = %s", busy)[0][0]
                writer = site.writer(busy, done, total - done, 150)
            elif victim == "worker":
                site.start_worker()
            else:
                await asyncio.to_thread(site.web, victim, int(urls[victim].rsplit(":", 1)[1]))

    def deliberating() -> bool:
        return bool(site.query("SELECT 1 FROM board_session WHERE status = 'running' AND lease_owner <> 'test'"))

    def client(session: str, until: int | None = None) -> Any:
        streams = [url + path(session) for url in urls.values()]
        return follow(streams, headers, until, reads=lambda: rng.choice([0, 1, 1, 2, 3]))

    chaos = asyncio.create_task(murder())
    try:
        async with asyncio.timeout(200):
            brought, *others = await asyncio.gather(client(busy, total), *map(client, real))
    finally:
        chaos.cancel()
        with suppress(asyncio.CancelledError):
            await chaos
    print(f"{len(brought)} streams brought {sum(brought)} events, each once; {sum(map(len, others))} more streams of")
    print(f"{len(real)} deliberations {sum(map(sum, others))}; killed: {killed}")
    assert len(brought) >= 1000
    assert sum(brought) == total
    assert min(killed.values()) >= 1
    ended = site.query("SELECT id::text, last_sequence FROM board_session WHERE status = 'completed'")
    assert dict(ended) == {session: sum(events) for session, events in zip(real, others, strict=True)}
    [(runs,)] = site.query("SELECT count(*) FROM board_run")
    assert runs > len(real)  # the worker died in the middle of some of them
    assert not damage(site)


async def test_the_terminal_event_ends_the_stream_in_two_processes(site: Site) -> None:
    """SS7"""
    headers = site.add_reader()
    session = site.add_session()
    site.append(session, "session_created")
    urls = await both(site)
    streams = [await connect(url + path(session), **headers) for url in urls]
    for got in streams:
        await got.take(1)
    site.append(session, "interjection", "session_completed")
    for got in streams:
        assert [message.id for message in await got.rest()] == [2, 3]
        await got.close()
    for url in urls:
        async with get(f"{url}{path(session)}?lastEventId=3", **headers) as got:
            assert got.status == 204


async def test_postgresql_restarts_and_the_stream_goes_on(tmp_path: Path) -> None:
    """SS1: on a server of its own, since the others' must live, and outside of pytest's folder: another run of pytest
    closes that to the user whom PostgreSQL runs as."""
    data = Path(tempfile.mkdtemp()) / "postgres"
    url = await asyncio.to_thread(embedded.attach, data)
    site = Site(url, tmp_path, {"DATABASE_URL": url, "BO1_DATA": str(tmp_path / "data")})
    try:
        await asyncio.to_thread(fill, url)
        headers, web = site.add_reader(), await asyncio.to_thread(site.web, "web", STREAM_KEEPALIVE_SECONDS="0.5")
        session = site.add_session()
        site.append(session, "session_created")
        async with get(web + path(session), **headers) as got:
            await got.take(1)
            for mode in ("fast", "immediate"):
                head = site.append(session, "interjection")
                await got.take(1)
                await asyncio.to_thread(embedded.control, data, "stop", mode)
                quiet = len(got.comments)
                reading = asyncio.create_task(got.take(2, seconds=30))
                await until(lambda q=quiet: len(got.comments) > q + 1)  # kept alive while the database is away
                await asyncio.to_thread(embedded.attach, data, own=False)
                site.append(session, "interjection", "interjection")
                assert [message.id for message in await reading] == [head + 1, head + 2]
    finally:
        site.stop()
        await asyncio.to_thread(embedded.stop, data)
        shutil.rmtree(data.parent, ignore_errors=True)


async def test_redis_absent_killed_and_restarted_changes_nothing_but_speed(site: Site, tmp_path: Path) -> None:
    """SS6: down at first, then up, killed, up and killed again, each time under a stream that goes on."""
    redis, total = Redis(tmp_path), 400
    site.env["REDIS_URL"] = redis.url
    headers, session = site.add_reader(), site.add_session()
    web = await asyncio.to_thread(site.web, "web")
    async with get(web + path(session), **headers) as got:
        seen: list[int] = []

        async def read(count: int) -> None:
            seen.extend([message.id or 0 for message in await got.take(count, seconds=30)])

        site.writer(session, 0, total, 100)
        await read(60)
        for _ in range(2):
            await asyncio.to_thread(redis.start)
            connected = asyncio.create_task(eventually(redis.has_clients))
            while not connected.done():
                await read(1) if len(seen) < total - 80 else await connected
            redis.kill()
            await read(20)
        await read(total - len(seen))
    assert seen == list(range(1, total + 1))  # one connection, nothing lost, nothing twice


async def test_redis_alone_carries_the_doorbell_where_notify_does_not(site: Site, tmp_path: Path) -> None:
    """SS6: behind a pooler in transaction mode LISTEN is accepted and nothing ever comes."""
    redis = Redis(tmp_path)
    await asyncio.to_thread(redis.start)
    site.env["REDIS_URL"] = redis.url
    headers, session = site.add_reader(), site.add_session()
    try:
        web = await asyncio.to_thread(site.web, "web", STREAM_LISTEN="0", STREAM_POLL_DOWN_SECONDS="60")
        site.append(session, "session_created")
        async with get(web + path(session), **headers) as got:
            await got.take(1)
            site.writer(session, 1, 300, 10)  # a writer that ends at once may take its doorbell with it
            assert [message.id for message in await got.take(1, seconds=50)] == [2]  # the poll comes after 60 s
    finally:
        redis.kill()


async def test_sigterm_with_open_streams_ends_the_process_within_five_seconds(site: Site) -> None:
    headers, session = site.add_reader(), site.add_session()
    site.append(session, "session_created")
    web = await asyncio.to_thread(site.web, "web")
    streams = [await connect(f"{web}{path(session)}?tab={n}", **headers) for n in range(40)]
    for got in streams:
        await got.take(1)
    process = site.processes["web"]
    asked = time.monotonic()
    process.send_signal(signal.SIGTERM)
    for got in streams:
        assert [message.data["reason"] for message in await got.rest()] == ["draining"]
        await got.close()
    assert await asyncio.to_thread(process.wait, 5) in (0, -signal.SIGTERM)
    print(f"ended {time.monotonic() - asked:.2f} s after SIGTERM with 40 open streams")


async def test_2000_idle_streams_cost_no_more_threads_and_connections_than_10(site: Site) -> None:
    """SS8"""
    headers, session = site.add_reader(), site.add_session()
    site.append(session, "session_created")
    web = await asyncio.to_thread(site.web, "web", STREAM_PER_USER="5000")
    process = psutil.Process(site.processes["web"].pid)

    def names() -> list[str]:
        mine = "datname = current_database() AND application_name LIKE 'bo1-%%'"  # not those of these questions
        return [name for (name,) in site.query(f"SELECT application_name FROM pg_stat_activity WHERE {mine}")]

    def backends() -> int:
        return len(names())

    async def opened(n: int) -> Any:
        got = await connect(f"{web}{path(session)}?tab={n}", limit=2048, **headers)
        await got.take(1, seconds=60)
        return got

    streams = [await opened(n) for n in range(10)]
    await eventually(lambda: {"bo1-listen", "bo1-web"} <= set(names()))  # it listens, and has looked who may read
    await eventually(lambda: names().count("bo1-stream") == 1)  # the kept one
    threads, few = process.num_threads(), backends()
    for start in range(10, 2000, 199):
        streams += await asyncio.gather(*(opened(n) for n in range(start, start + 199)))
    assert len(streams) == 2000
    await eventually(lambda: backends() <= few, seconds=40)  # what the rush needed more is given back
    assert process.num_threads() <= threads
    for got in streams:
        got.writer.transport.abort()
    died = time.monotonic()
    await until(lambda: len(process.net_connections()) <= 12, seconds=1)
    print(f"2,000 idle streams: {process.num_threads()} threads, {backends()} backends (with 10: {threads}, {few});")
    print(f"all gone {time.monotonic() - died:.2f} s after their clients")


def terminate(site: Site, where: str) -> int:
    with psycopg.connect(site.database_url, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            f" AND pid <> pg_backend_pid() AND {where}"
        ).fetchall()
    return len(rows)


#: What happens meanwhile, and the settings of the web process.
TROUBLES = {
    "LISTEN killed three times": {},
    "every backend killed": {},
    "Redis": {"STREAM_LISTEN": "0"},  # so that it is Redis that rings, while it can
    "polling only": {"STREAM_LISTEN": "0", "STREAM_POLL_DOWN_SECONDS": "0.2"},
}


@pytest.fixture
def troubled(tmp_path: Path) -> Iterator[dict[str, Site]]:
    """A product of its own for each trouble, so that all of them can happen at once."""
    with ExitStack() as stack:
        sites = {}
        for number, trouble in enumerate(TROUBLES):
            (tmp_path / str(number)).mkdir()
            url = stack.enter_context(database())
            sites[trouble] = Site(url, tmp_path / str(number), {"DATABASE_URL": url, "BO1_DATA": str(tmp_path)})
            stack.callback(sites[trouble].stop)
        yield sites


async def test_80_clients_joining_while_1500_events_are_written_see_each_once(troubled: dict[str, Site]) -> None:
    """SS1, SS2, SS6: 100 events a second; every client joins at another moment and keeps its one stream."""
    async with asyncio.timeout(200), asyncio.TaskGroup() as tasks:
        for trouble, site in troubled.items():
            tasks.create_task(churn(trouble, site))


async def churn(trouble: str, site: Site) -> None:
    redis = Redis(site.directory)
    if trouble == "Redis":
        site.env["REDIS_URL"] = redis.url
    headers, session = site.add_reader(), site.add_session()
    web = await asyncio.to_thread(site.web, "web", STREAM_PER_USER="200", **TROUBLES[trouble])
    site.writer(session, 0, 1500, 100)
    clients = []
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(make(trouble, site, redis, session))
        for n in range(80):
            url = f"{web}{path(session)}?tab={n}"
            clients.append(tasks.create_task(ids_of_one_stream(url, headers, 1500, after=n * 0.15)))
    for client in clients:
        assert client.result() == list(range(1, 1501)), f"{trouble}: not every event once and in order"


async def make(trouble: str, site: Site, redis: Redis, session: str) -> None:
    """The trouble, at moments between the first events and the last."""

    async def written(count: int) -> None:
        await eventually(lambda: site.query("SELECT last_sequence FROM board_session")[0][0] >= count)

    if trouble == "LISTEN killed three times":
        for count in (200, 600, 1000):
            await written(count)
            await eventually(lambda: terminate(site, "application_name = 'bo1-listen'") == 1)
    elif trouble == "every backend killed":
        await written(500)
        assert await asyncio.to_thread(terminate, site, "true") >= 2
    elif trouble == "Redis":
        for count in (200, 700):
            await written(count)
            await asyncio.to_thread(redis.start)
            await eventually(redis.has_clients)
            await written(count + 300)
            redis.kill()
