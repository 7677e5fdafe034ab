"""Redis broken in every way at every stage of a session: nothing is lost, nothing waits, it comes back (RD1-RD3)."""

import asyncio
import itertools
import signal
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis as client

from tests.chaos.figures import figures
from tests.chaos.kit import PROBLEMS, damage, repeated_calls
from tests.chaos.places import site_on
from tests.chaos.readers import read_to_the_end
from tests.live import database, wait_until
from tests.stream.processes import Redis, Site

pytestmark = [pytest.mark.chaos, pytest.mark.slow]
#: Requests to each of two processes that are compared, pair by pair: what else runs on the machine slows both of one.
PAIRS = 150


@dataclass(frozen=True)
class Fault:
    """``harm`` breaks a running Redis, ``heal`` makes it whole."""

    harm: Callable[[Redis], Any]
    heal: Callable[[Redis], Any]


def signalled(number: int) -> Callable[[Redis], Any]:
    def act(redis: Redis) -> None:
        assert redis.process is not None
        redis.process.send_signal(number)

    return act


def told(*commands: str, password: str | None = None) -> Callable[[Redis], Any]:
    def act(redis: Redis) -> None:
        with client.Redis(port=redis.port, password=password, socket_timeout=5) as connection:
            for command in commands:
                connection.execute_command(*command.split(" "))

    return act


FAULTS = {
    "killed and restarted": Fault(Redis.kill, Redis.start),
    "a black hole": Fault(signalled(signal.SIGSTOP), signalled(signal.SIGCONT)),
    "a read-only replica": Fault(told("REPLICAOF 127.0.0.1 1"), told("REPLICAOF NO ONE")),
    "full": Fault(
        told("CONFIG SET maxmemory-policy noeviction", "CONFIG SET maxmemory 1"), told("CONFIG SET maxmemory 0")
    ),
    "set up with another password": Fault(
        told("CONFIG SET requirepass other", "CLIENT KILL TYPE normal SKIPME yes"),
        told("CONFIG SET requirepass ", password="other"),
    ),
}


@dataclass(frozen=True)
class Place:
    """A whole product with a Redis to break; every test leaves it healed."""

    site: Site
    redis: Redis
    web: str
    headers: dict[str, str]

    def up(self) -> float | None:
        """What the web process thinks of Redis: 1, 0, or nothing while it has not used it."""
        return figures(self.web).get('board_redis_up{role="web"}')

    def stage(self, session: str) -> tuple[str, str, int]:
        [row] = self.site.query("SELECT status, phase, round FROM board_session WHERE id = %s", session)
        return row  # type: ignore[return-value]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    directory = tmp_path_factory.mktemp("redis")
    redis = Redis(directory)
    redis.start()
    with database() as url:
        site = site_on(url, directory, REDIS_URL=redis.url)
        try:
            headers = site.add_reader()
            site.start_provider("0.3-0.6", wait=False)
            site.start_worker()
            web = site.web("web")
            site.until_up()
            yield Place(site, redis, web, headers)
        finally:
            site.stop()
            if redis.process is not None and redis.process.poll() is None:
                redis.process.send_signal(signal.SIGCONT)
                redis.kill()


@pytest.mark.parametrize("name", FAULTS)
async def test_at_every_stage_of_a_session_redis_may_break_and_come_back(name: str, place: Place) -> None:
    """Broken before the session exists, healed and broken again at each of its phases, healed at the end."""
    fault, site, redis = FAULTS[name], place.site, place.redis
    async with httpx.AsyncClient(base_url=place.web, headers=place.headers, timeout=60) as http:

        async def new(problem: str) -> str:
            body = {"problem_statement": problem, "max_rounds": 2}
            answer = await http.post("/api/v1/sessions/", json=body)
            assert answer.status_code == 201
            return str(answer.json()["id"])

        await new(PROBLEMS[1])  # rings once, so that Redis has been used and is known to be up
        await asyncio.to_thread(wait_until, lambda: place.up() == 1, seconds=60, what="Redis to be used")
        fault.harm(redis)  # from this thread: a server that another one starts dies with that thread
        broken = True
        session = await new(PROBLEMS[0])
        seen: list[int] = []
        end = asyncio.create_task(read_to_the_end([place.web], session, place.headers, seen))
        await asyncio.to_thread(wait_until, lambda: place.up() == 0, seconds=60, what="the fault to be noticed")
        assert (await http.post(f"/api/v1/sessions/{session}/start")).status_code in (200, 202)
        stages = [await asyncio.to_thread(place.stage, session)]
        async with asyncio.timeout(240):
            while not end.done():
                now = await asyncio.to_thread(place.stage, session)
                if now != stages[-1]:
                    stages.append(now)
                    (fault.heal if broken else fault.harm)(redis)
                    broken = not broken
                await asyncio.sleep(0.05)
            await end
        if broken:
            fault.heal(redis)
        [(status, head)] = site.query("SELECT status, last_sequence FROM board_session WHERE id = %s", session)
        assert status == "completed"
        assert seen == list(range(1, head + 1))
        assert damage(site) == []
        assert repeated_calls(site) == []
        assert len({phase for _, phase, _ in stages}) >= 4, stages
        await asyncio.to_thread(wait_until, lambda: place.up() == 1, seconds=90, what="Redis to be used again")
    print(f"\n{name}: {len(stages)} stages, {head} events, none lost")


async def test_requests_take_no_longer_while_redis_is_a_black_hole(tmp_path: Path, place: Place) -> None:
    """RD2: two web processes on one database, one with a healthy Redis, one with a frozen one, asked in turn."""
    site = place.site
    frozen = Redis(tmp_path)
    frozen.start()
    healthy_url = place.web
    frozen_url = await asyncio.to_thread(site.web, "frozen", REDIS_URL=frozen.url, METRICS_DIR=str(tmp_path / "frozen"))
    numbers = itertools.count()
    times: dict[str, list[float]] = {healthy_url: [], frozen_url: []}
    try:
        async with httpx.AsyncClient(headers=place.headers, timeout=60) as http:

            async def ask(url: str) -> float:
                """Bring a decision (an event is written and rung for), and read it back."""
                began = time.perf_counter()
                body = {"problem_statement": f"{PROBLEMS[0]} Number {next(numbers)}."}
                answer = await http.post(f"{url}/api/v1/sessions/", json=body)
                assert answer.status_code == 201
                assert (await http.get(f"{url}/api/v1/sessions/{answer.json()['id']}/")).status_code == 200
                return time.perf_counter() - began

            for _ in range(20):
                for url in times:
                    await ask(url)
            signalled(signal.SIGSTOP)(frozen)
            for turn in range(PAIRS):
                for url in times if turn % 2 else reversed(times):
                    times[url].append(await ask(url))
            seen = (await http.get(f"{frozen_url}/health/detail")).json()["parts"]["redis"]
            assert seen["state"] == "down"
            assert (await http.get(f"{healthy_url}/health/detail")).json()["parts"]["redis"]["state"] == "up"
    finally:
        signalled(signal.SIGCONT)(frozen)
        frozen.kill()
        site.kill("frozen")
    healthy, away = (statistics.median(times[url]) for url in (healthy_url, frozen_url))
    ratio = statistics.median(b / a for a, b in zip(times[healthy_url], times[frozen_url], strict=True))
    quarters = {url: [round(value * 1000, 1) for value in statistics.quantiles(times[url], n=4)] for url in times}
    print(f"\nmedian: healthy {healthy * 1000:.1f} ms, black hole {away * 1000:.1f} ms, ratio {ratio:.3f}")
    print(f"quartiles: {list(quarters.values())} ms, worst under the black hole {max(times[frozen_url]) * 1000:.0f} ms")
    assert ratio <= 1.2
