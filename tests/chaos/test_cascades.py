"""The three cascades of the audit, end to end (MO2): real web, worker, provider, PostgreSQL and Redis."""

import asyncio
import contextlib
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from bo1site import embedded
from tests.chaos.kit import PROBLEMS, damage, repeated_calls, start_sessions, statuses
from tests.live import database, fill, restart_server, wait_until
from tests.stream.processes import Redis, Site

pytestmark = [pytest.mark.chaos, pytest.mark.slow]


def figures(url: str) -> dict[str, float]:
    """What Prometheus would see now, over all processes."""
    rows = [line.rsplit(" ", 1) for line in httpx.get(f"{url}/metrics", timeout=20).text.splitlines()]
    return {row[0]: float(row[1]) for row in rows if len(row) == 2 and not row[0].startswith("#")}


def total(found: dict[str, float], prefix: str) -> float:
    return sum(value for name, value in found.items() if name.startswith(prefix))


def site_on(url: str, directory: Path, **env: str) -> Site:
    given = {"DATABASE_URL": url, "BO1_DATA": str(directory / "data"), "METRICS_DIR": str(directory / "metrics")}
    return Site(url, directory, {**given, **env})


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with database() as url:
        running = site_on(url, tmp_path)
        try:
            yield running
        finally:
            running.stop()


@pytest.fixture
def own_server() -> Iterator[Path]:
    """The data directory of a PostgreSQL server that only this test uses, with a migrated database.

    Not below ``tmp_path``: another run of pytest makes their common root private, and the server is another user.
    """
    data = Path(tempfile.mkdtemp(prefix="board-pg-")) / "postgres"
    url = embedded.attach(data, own=False)
    fill(url)
    try:
        yield data
    finally:
        embedded.stop(data)
        shutil.rmtree(data.parent, ignore_errors=True)


@contextlib.contextmanager
def every_session_held(site: Site) -> Iterator[None]:
    """Lock the sessions' table, so that every request that needs it keeps its connection."""
    with psycopg.connect(site.database_url) as connection:
        connection.execute("LOCK TABLE board_session IN ACCESS EXCLUSIVE MODE")
        yield
        connection.rollback()


async def test_a_hundred_clients_on_twenty_connections_meet_no_500_and_lose_no_write(site: Site) -> None:
    """Cascade 1 (DB3): the pool is exhausted in earnest; what was accepted is there, the rest was told to come back."""
    headers = site.add_reader()
    url = await asyncio.to_thread(site.web, "web", DATABASE_POOL_SIZE="20", DATABASE_QUEUE_SECONDS="2")
    answers: list[tuple[int, str, str]] = []
    before = await asyncio.to_thread(figures, url)

    async def client(number: int, http: httpx.AsyncClient, stop: asyncio.Event) -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            body = {"problem_statement": f"{PROBLEMS[number % 4]} Client {number}, decision {turn}."}
            answer = await http.post(f"{url}/api/v1/sessions/", json=body, headers=headers)
            found = answer.json().get("id", "") if answer.status_code == 201 else ""
            answers.append((answer.status_code, found, answer.headers.get("Retry-After", "")))
            await asyncio.sleep(0.2 if answer.status_code == 503 else 0.02)

    limits = httpx.Limits(max_connections=200, max_keepalive_connections=0)  # no idle connection to close under us
    async with httpx.AsyncClient(timeout=60, limits=limits) as http:
        assert (await http.get(f"{url}/api/v1/sessions/", headers=headers)).status_code == 200
        stop = asyncio.Event()
        with every_session_held(site):
            crowd = [asyncio.create_task(client(number, http, stop)) for number in range(100)]
            async with asyncio.timeout(40):
                while total(await asyncio.to_thread(figures, url), "board_pool_in_use") < 19:
                    assert (await http.get(f"{url}/health/live")).status_code == 200
        accepted = sum(code == 201 for code, _, _ in answers)
        async with asyncio.timeout(20):
            while sum(code == 201 for code, _, _ in answers) < accepted + 20:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        stop.set()
        await asyncio.gather(*crowd)

        async def served() -> bool:
            return (await http.get(f"{url}/api/v1/sessions/", headers=headers)).status_code == 200

        async with asyncio.timeout(5):
            while not await served():  # noqa: ASYNC110
                await asyncio.sleep(0.1)

    codes = Counter(code for code, _, _ in answers)
    assert set(codes) <= {201, 503}, codes
    assert codes[201] > 0
    assert codes[503] > 0
    assert all(int(wait) >= 1 for code, _, wait in answers if code == 503)
    stored = {str(row[0]) for row in site.query("SELECT id FROM board_session")}
    assert {found for code, found, _ in answers if code == 201} <= stored
    after = await asyncio.to_thread(figures, url)
    assert total(after, "board_requests_shed_total") > total(before, "board_requests_shed_total")
    assert total(after, "board_pool_in_use") <= 1  # nothing leaked


def test_sessions_go_on_through_openai_while_anthropic_is_down_and_return(site: Site) -> None:
    """Cascade 2 (LM4, LM5): Anthropic answers 500; deliberations complete; afterwards it is the primary again."""
    site.start_provider()
    url = site.web("web")
    site.start_worker()
    site.fault(provider="anthropic", kind="status", status=500)
    start_sessions(site, 4, rounds=1)
    wait_until(lambda: statuses(site) == {"completed": 4}, seconds=180, what="sessions to complete on OpenAI")
    rows = dict(site.query("SELECT provider, count(*) FROM llm_llmcall WHERE status = 'finished' GROUP BY 1"))
    assert set(rows) == {"openai"}
    seen = figures(url)
    assert total(seen, "llm_fallbacks_total") > 0  # counted in the worker, scraped from the web process
    assert seen['board_provider_breaker{provider="anthropic"}'] > 0
    site.clear_faults()
    site.query("UPDATE llm_breaker SET open_until = clock_timestamp()")  # the minute of its pause is over
    start_sessions(site, 2, rounds=1)
    wait_until(lambda: statuses(site) == {"completed": 6}, seconds=180, what="sessions to complete on Anthropic")
    [(last,)] = site.query("SELECT provider FROM llm_llmcall WHERE status = 'finished' ORDER BY id DESC LIMIT 1")
    assert last == "anthropic"
    assert figures(url)['board_provider_breaker{provider="anthropic"}'] == 0
    assert damage(site) == []
    assert repeated_calls(site) == []


async def test_redis_absent_and_postgresql_restarted_lose_no_event(tmp_path: Path, own_server: Path) -> None:
    """Cascade 3 (RD1, RD3, DB4, SS6, SE5): no Redis at the start, PostgreSQL restarted twice in the middle."""
    redis = Redis(tmp_path)
    url = embedded.attach(own_server, own=False)
    site = site_on(url, tmp_path, REDIS_URL=redis.url, DATABASE_BREAKER_SECONDS="1")
    try:
        headers = site.add_reader()
        await asyncio.to_thread(site.start_provider, "0.2-0.5")
        web = await asyncio.to_thread(site.web, "web")
        await asyncio.to_thread(site.start_worker)
        [session] = await asyncio.to_thread(start_sessions, site, 1)

        def head() -> int:
            try:
                [(sequence,)] = site.query("SELECT last_sequence FROM board_session WHERE id = %s", session)
            except psycopg.Error:
                return 0
            return int(sequence)

        seen: list[int] = []
        end = asyncio.create_task(read_to_the_end(web, session, headers, seen))
        for least in (6, 14):
            await asyncio.to_thread(wait_until, lambda least=least: head() >= least, seconds=90, what=f"event {least}")
            await asyncio.to_thread(restart_server, own_server)
        await asyncio.to_thread(redis.start)  # and Redis comes up at last
        async with asyncio.timeout(150):
            await end
        last = await asyncio.to_thread(head)
        assert seen == list(range(1, last + 1))
        assert await asyncio.to_thread(statuses, site) == {"completed": 1}
        assert await asyncio.to_thread(damage, site) == []
        assert await asyncio.to_thread(repeated_calls, site) == []

        def redis_up() -> bool:
            return figures(web).get('board_redis_up{role="web"}') == 1

        await asyncio.to_thread(wait_until, redis_up, seconds=45, what="Redis to be noticed")
        assert (await asyncio.to_thread(figures, web))['board_breaker_state{name="postgresql"}'] == 0
    finally:
        site.stop()
        if redis.process is not None:
            redis.kill()


async def read_to_the_end(web: str, session: str, headers: dict[str, str], seen: list[int]) -> None:
    """Follow the stream, resuming with the last id after every interruption, until the server says it is over."""
    from tests.stream.client import connect

    while True:
        last = seen[-1] if seen else 0
        try:
            got: Any = await connect(f"{web}/api/v1/sessions/{session}/stream?lastEventId={last}&tab=1", **headers)
            try:
                if got.status == 204:
                    return
                if got.status == 200:
                    async for message in got.messages():
                        if message.id is not None:
                            seen.append(message.id)
                        if message.type == "session_completed":
                            return
            finally:
                await got.close()
        except (OSError, EOFError, ValueError):
            pass
        await asyncio.sleep(0.3)
