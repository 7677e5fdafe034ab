"""The three cascades of the audit, end to end (MO2): real web, worker, provider, PostgreSQL and Redis."""

import asyncio
from collections import Counter
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.chaos.figures import figures, total
from tests.chaos.kit import PROBLEMS, damage, in_flight, repeated_calls, start_sessions, statuses
from tests.chaos.places import every_session_held, site_on
from tests.chaos.readers import read_to_the_end
from tests.live import restart_server, wait_until
from tests.own_server import OwnServer
from tests.stream.processes import Redis, Site

pytestmark = [pytest.mark.chaos, pytest.mark.slow]


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

    def served() -> bool:
        """A worker trusts what it knows of a breaker for a second, and a session may be over sooner."""
        start_sessions(site, 1, rounds=1)
        wait_until(lambda: set(statuses(site)) == {"completed"}, seconds=90, what="a session to complete")
        newest = "SELECT provider FROM llm_llmcall WHERE status = 'finished' ORDER BY id DESC LIMIT 1"
        return bool(site.query(newest) == [("anthropic",)])

    wait_until(served, seconds=90, what="Anthropic to be the primary again")
    assert figures(url)['board_provider_breaker{provider="anthropic"}'] == 0
    assert damage(site) == []
    assert repeated_calls(site) == []


async def test_redis_absent_and_postgresql_restarted_lose_no_event(tmp_path: Path, own_server: OwnServer) -> None:
    """Cascade 3 (RD1, RD3, DB4, SS6, SE5): no Redis at the start, PostgreSQL restarted twice in the middle."""
    redis = Redis(tmp_path)
    site = site_on(own_server.fresh(), tmp_path, REDIS_URL=redis.url, DATABASE_BREAKER_SECONDS="1")
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
        end = asyncio.create_task(read_to_the_end([web], session, headers, seen))
        for least in (6, 14):  # in mid-step: while a model is being asked
            await asyncio.to_thread(
                wait_until,
                lambda least=least: head() >= least and in_flight(site) > 0,
                seconds=90,
                what=f"event {least}, and a call under way",
            )
            await asyncio.to_thread(restart_server, own_server.data)
            if redis.process is None:
                redis.start()  # at last
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
