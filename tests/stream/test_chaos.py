"""Real processes and servers, killed and restarted under open streams (SS1, SS2, SS4, SS6, SS7)."""

import asyncio
import itertools
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from bo1site import embedded
from tests.chaos.kit import damage, start_sessions
from tests.live import database, manage
from tests.stream.client import connect, get, until
from tests.stream.processes import Redis, Site, follow

pytestmark = [pytest.mark.chaos, pytest.mark.slow]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with database() as url:
        running = Site(url, tmp_path, {"DATABASE_URL": url, "BO1_DATA": str(tmp_path / "data")})
        try:
            yield running
        finally:
            running.stop()


def path(session: str) -> str:
    return f"/api/v1/sessions/{session}/stream"


async def test_a_client_that_drops_1000_times_sees_every_event_once_though_processes_die(site: Site) -> None:
    """SS1, SS2: one client drops a busy session 1,000 times, others follow real deliberations and drop as well; web
    processes, the worker that deliberates and the busy session's writer are killed now and then."""
    headers, rng, total = site.add_reader(), random.Random(7), 1500
    busy = site.add_session()
    await asyncio.to_thread(site.start_provider, "0.1")
    site.start_worker()
    urls = {name: await asyncio.to_thread(site.web, name) for name in ("one", "two")}
    real = await asyncio.to_thread(start_sessions, site, 16, rounds=3)
    killed = dict.fromkeys(["writer", "worker", *urls], 0)

    async def murder() -> None:
        writer = site.writer(busy, 0, total, 150)
        for victim in itertools.cycle(["one", "writer", "worker", "two", "writer"]):
            await asyncio.sleep(2)
            if victim == "writer" and writer.poll() is not None:
                continue  # it has written everything
            site.kill(victim)
            killed[victim] += 1
            if victim == "writer":
                done = site.query("SELECT last_sequence FROM board_session WHERE id = %s", busy)[0][0]
                writer = site.writer(busy, done, total - done, 150)
            elif victim == "worker":
                site.start_worker()
            else:
                await asyncio.to_thread(site.web, victim, int(urls[victim].rsplit(":", 1)[1]))

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
    urls = [await asyncio.to_thread(site.web, name) for name in ("one", "two")]
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
        await asyncio.to_thread(manage, "migrate", "--verbosity=0", env=site.env)
        headers, web = site.add_reader(), await asyncio.to_thread(site.web, "web", STREAM_KEEPALIVE_SECONDS="1")
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
    """SS6"""
    redis = Redis(tmp_path)
    site.env["REDIS_URL"] = redis.url
    headers, session = site.add_reader(), site.add_session()
    web = await asyncio.to_thread(site.web, "web")
    site.writer(session, 0, 900, 100)
    following = asyncio.create_task(follow([web + path(session)], headers, 900))
    try:
        for _ in range(2):
            await asyncio.sleep(1.5)  # down at first, then up, then killed, then up again
            await asyncio.to_thread(redis.start)
            await asyncio.sleep(2.0)
            redis.kill()
        async with asyncio.timeout(60):
            brought = await following
    finally:
        following.cancel()
    assert brought == [900]  # one connection, nothing lost, nothing twice


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

    def backends() -> int:
        [(count,)] = site.query("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        return int(count) - 1

    async def opened(n: int) -> Any:
        got = await connect(f"{web}{path(session)}?tab={n}", limit=2048, **headers)
        await got.take(1, seconds=60)
        return got

    streams = [await opened(n) for n in range(10)]
    for batch in range(10):  # a storm has more connections and threads than idling has; let it be over first
        streams += await asyncio.gather(*(opened(10 + batch * 50 + n) for n in range(50)))
    threads = process.num_threads()
    few = backends()
    for batch in range(15):
        streams += await asyncio.gather(*(opened(1000 + batch * 100 + n) for n in range(100)))
    assert len(streams) > 2000
    assert process.num_threads() <= threads
    assert backends() <= few
    for got in streams:
        got.writer.transport.abort()
    died = time.monotonic()
    await until(lambda: len(process.net_connections()) <= 12, seconds=5)
    print(f"{len(streams)} idle streams: {process.num_threads()} threads, {backends()} backends (with 510: {threads},")
    print(f"{few}); all gone {time.monotonic() - died:.2f} s after their clients")


def terminate(site: Site, where: str) -> int:
    with psycopg.connect(site.database_url, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            f" AND pid <> pg_backend_pid() AND {where}"
        ).fetchall()
    return len(rows)


@pytest.mark.parametrize("trouble", ["LISTEN killed three times", "every backend killed", "Redis", "polling only"])
async def test_80_clients_joining_while_1500_events_are_written_see_each_once(
    site: Site, tmp_path: Path, trouble: str
) -> None:
    """SS1, SS2, SS6: 100 events a second; every client joins at another moment and keeps its one stream."""
    redis = Redis(tmp_path)
    env = {"STREAM_PER_USER": "200"}
    if trouble == "Redis":
        site.env["REDIS_URL"] = redis.url
        env["STREAM_LISTEN"] = "0"  # so that it is Redis that rings, while it can
    elif trouble == "polling only":
        env |= {"STREAM_LISTEN": "0", "STREAM_POLL_DOWN_SECONDS": "0.2"}
    headers, session = site.add_reader(), site.add_session()
    web = await asyncio.to_thread(site.web, "web", **env)
    site.writer(session, 0, 1500, 100)

    async def join(n: int) -> list[int]:
        await asyncio.sleep(n * 0.15)
        return await follow([web + path(session)], headers, 1500)

    clients = [asyncio.create_task(join(n)) for n in range(80)]
    try:
        if trouble == "LISTEN killed three times":
            for _ in range(3):
                await asyncio.sleep(3)
                await until(lambda: terminate(site, "application_name = 'bo1-listen'") == 1)
        elif trouble == "every backend killed":
            await asyncio.sleep(5)
            assert await asyncio.to_thread(terminate, site, "true") >= 2
        elif trouble == "Redis":
            for _ in range(2):
                await asyncio.sleep(2)
                await asyncio.to_thread(redis.start)
                await asyncio.sleep(3)
                redis.kill()
        async with asyncio.timeout(120):
            brought = await asyncio.gather(*clients)
    finally:
        for client in clients:
            client.cancel()
    assert all(sum(events) == 1500 for events in brought)
    assert all(len(events) == 1 for events in brought)  # no stream had to be opened again
