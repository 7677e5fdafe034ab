"""Each fault moves the figures that stand for it, and puts them back when it is over (MO1): scraped before, after."""

import asyncio
import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest

from bo1site import embedded
from tests.chaos.figures import figures, total
from tests.chaos.kit import PROBLEMS, completed, start_sessions
from tests.chaos.places import every_session_held, site_on
from tests.chaos.trees import Tree
from tests.live import start_server, wait_until
from tests.own_server import OwnServer
from tests.stream.client import connect
from tests.stream.processes import Redis, Site

pytestmark = [pytest.mark.chaos, pytest.mark.slow]


class Place:
    """A whole product whose figures are looked at: one web process, one worker, Redis, a PostgreSQL of its own."""

    def __init__(self, site: Site, redis: Redis, server: OwnServer) -> None:
        self.site, self.redis, self.server = site, redis, server
        self.headers = site.add_reader()
        redis.start()
        site.start_provider(wait=False)
        site.start_worker()
        site.start_scripts()
        self.web = site.web("web", DATABASE_BREAKER_SECONDS="2", DATABASE_QUEUE_SECONDS="1", DATABASE_POOL_SIZE="5")
        site.until_up()
        self.until_worker()
        self._numbers = itertools.count()

    def until_worker(self) -> None:
        """Wait for a whole worker command, and start it again if it has ended, as a supervisor would."""
        if self.site.processes["worker"].poll() is not None:
            self.site.start_worker()
        wait_until(lambda: Tree.of(self.site.processes["worker"].pid), seconds=60, what="a whole worker command")

    def scrape(self) -> dict[str, float]:
        return figures(self.web)

    def until(self, name: str, holds: Any, *, seconds: float = 60) -> dict[str, float]:
        """Scrape until the sum over all series of ``name`` satisfies ``holds``."""

        def look() -> dict[str, float] | None:
            found = self.scrape()
            return found if holds(total(found, name)) else None

        found: dict[str, float] = wait_until(look, seconds=seconds, what=name)
        return found

    def create(self) -> int:
        """Bring a decision, which writes an event."""
        body = {"problem_statement": f"{PROBLEMS[0]} Number {next(self._numbers)}."}
        return httpx.post(f"{self.web}/api/v1/sessions/", json=body, headers=self.headers, timeout=60).status_code


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, own_server: OwnServer) -> Iterator[Place]:
    directory = tmp_path_factory.mktemp("figures")
    redis = Redis(directory)
    site = site_on(own_server.fresh(), directory, REDIS_URL=redis.url)
    try:
        yield Place(site, redis, own_server)
    finally:
        site.stop()
        if redis.process is not None and redis.process.poll() is None:
            redis.kill()


@pytest.fixture
def place(whole: Place) -> Place:
    """The place as it was before anybody harmed it: whatever the test before did must be over in the figures, too."""
    wait_until(lambda: whole.create() == 201, seconds=60, what="the board to serve")
    whole.until_worker()
    whole.until("board_breaker_state", lambda value: value == 0)
    whole.until("board_provider_breaker", lambda value: value == 0)
    whole.until("board_sessions_driven", lambda value: value == 0)
    whole.until('board_redis_up{role="web"}', lambda value: value == 1)
    return whole


def test_postgresql_away(place: Place) -> None:
    assert place.create() == 201
    before = place.until("board_metrics_complete", lambda value: value == 1)
    embedded.control(place.server.data, "stop", "immediate")

    def opened() -> bool:
        assert place.create() == 503
        return place.scrape()['board_breaker_state{name="postgresql"}'] == 2

    wait_until(opened, seconds=60, what="the breaker to open")
    assert place.create() == 503
    during = place.scrape()
    assert during["board_metrics_complete"] == 0
    assert "board_queue_depth" not in during  # nobody knows it now, and nobody says 0
    place.until('board_database_connect_failures_total{role="worker"}', lambda value: value > 0)
    for name in (
        'board_database_connect_failures_total{role="web"}',
        'board_breaker_changes_total{name="postgresql",to="open"}',
        'board_requests_shed_total{why="database_away"}',
    ):
        assert total(during, name) > total(before, name), name
    start_server(place.server.data)
    wait_until(lambda: place.create() == 201, seconds=60, what="the board to serve again")
    after = place.until("board_breaker_state", lambda value: value == 0)
    assert after["board_metrics_complete"] == 1
    assert total(after, 'board_breaker_changes_total{name="postgresql",to="closed"}') > total(
        before, 'board_breaker_changes_total{name="postgresql",to="closed"}'
    )


def test_a_pool_that_is_exhausted(place: Place) -> None:
    before = place.scrape()
    with ThreadPoolExecutor(30) as people:
        with every_session_held(place.site):
            crowd = [people.submit(place.create) for _ in range(30)]
            during = place.until('board_pool_in_use{role="web"}', lambda value: value >= 4, seconds=30)
            assert during['board_pool_size{role="web"}'] == 5
            wait_until(lambda: any(one.done() for one in crowd), seconds=30, what="somebody to be turned away")
        codes = {one.result() for one in crowd}
    assert codes <= {201, 503}
    assert 503 in codes
    after = place.until('board_pool_in_use{role="web"}', lambda value: value <= 1)
    assert total(after, "board_requests_shed_total") > total(before, "board_requests_shed_total")
    waits = 'board_pool_wait_seconds_count{role="web"}'
    assert total(after, waits) > total(before, waits)
    assert after['board_pool_queue_depth{role="web"}'] == 0


def test_a_provider_that_fails(place: Place) -> None:
    before = place.scrape()
    place.site.fault(provider="anthropic", kind="status", status=500)
    ids = start_sessions(place.site, 2, rounds=1)
    during = place.until('board_provider_breaker{provider="anthropic"}', lambda value: value == 2, seconds=120)
    wait_until(lambda: completed(place.site, ids), seconds=180, what="sessions to complete")
    after = place.scrape()
    assert total(during, "llm_retries_total") > total(before, "llm_retries_total")
    for name in ("llm_fallbacks_total", 'llm_attempts_total{outcome="ok",provider="openai"}'):
        assert total(after, name) > total(before, name), name
    place.site.clear_faults()
    place.site.query("UPDATE llm_breaker SET open_until = clock_timestamp()")  # the minute of its pause is over

    def recovered() -> bool:
        ids = start_sessions(place.site, 1, rounds=1)  # a provider is tried again when somebody needs it
        wait_until(lambda: completed(place.site, ids), seconds=60, what="a session after the outage to complete")
        return total(place.scrape(), 'board_provider_breaker{provider="anthropic"}') == 0

    wait_until(recovered, seconds=120, what="Anthropic to be asked again")


def test_redis_down_and_events_slow(place: Place) -> None:
    """RD4: neither alone rings the alarm; both do; and it is silent again once one is mended."""
    assert place.create() == 201
    place.until('board_redis_up{role="web"}', lambda value: value == 1)
    before = place.scrape()
    assert before["board_redis_down_and_events_slow"] == 0
    place.site.query(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.4); RETURN NEW; END'"
    )
    place.site.query("CREATE TRIGGER slow BEFORE INSERT ON board_event FOR EACH ROW EXECUTE FUNCTION slow()")
    try:
        for _ in range(5):
            assert place.create() == 201
        slow = place.scrape()
        assert slow["board_event_write_seconds_sum"] - before["board_event_write_seconds_sum"] > 1.9
        assert slow["board_redis_down_and_events_slow"] == 0
        place.redis.kill()

        def rings() -> bool:
            assert place.create() == 201
            return place.scrape()["board_redis_down_and_events_slow"] == 1

        wait_until(rings, seconds=60, what="the alarm")
        during = place.scrape()
        assert during['board_redis_up{role="web"}'] == 0
    finally:
        place.site.query("DROP TRIGGER slow ON board_event")
        place.site.query("DROP FUNCTION slow")
    place.redis.start()  # nobody writes now: the alarm must end by itself all the same
    after = place.until("board_redis_down_and_events_slow", lambda value: value == 0, seconds=90)
    assert after['board_redis_up{role="web"}'] == 1
    assert after['board_breaker_state{name="redis"}'] == 0


def test_a_worker_that_is_killed(place: Place) -> None:
    before = place.scrape()
    place.site.fault(provider="anthropic", kind="delay", seconds=1.0)
    place.site.fault(provider="openai", kind="delay", seconds=1.0)
    ids = start_sessions(place.site, 4, rounds=1)
    place.until("board_sessions_driven", lambda value: value == 4)
    place.site.kill("worker")
    place.until("board_sessions_driven", lambda value: value == 0)
    place.until("board_expired_leases", lambda value: value > 0, seconds=30)
    place.site.start_worker()
    place.site.clear_faults()  # how slow the models are no longer matters
    wait_until(lambda: completed(place.site, ids), seconds=240, what="sessions to complete")
    after = place.scrape()
    assert (
        total(after, 'board_claims_total{how="taken_over"}') - total(before, 'board_claims_total{how="taken_over"}')
        >= 4
    )
    assert after["board_expired_leases"] == 0
    done = 'board_sessions{status="completed"}'
    assert after[done] - before.get(done, 0) == 4
    assert after["board_oldest_queued_seconds"] == 0


async def test_events_that_are_gone_and_clients_that_storm(place: Place) -> None:
    session = await asyncio.to_thread(place.site.add_session)
    await asyncio.to_thread(  # nobody takes it for an orphan meanwhile
        place.site.query,
        "UPDATE board_session SET lease_owner = 'elsewhere', lease_until = now() + interval '1 hour' WHERE id = %s",
        session,
    )
    await asyncio.to_thread(place.site.append, session, *["interjection"] * 9)
    await asyncio.to_thread(place.site.query, "DELETE FROM board_event WHERE session_id = %s AND sequence < 5", session)
    before = await asyncio.to_thread(place.scrape)
    url = f"{place.web}/api/v1/sessions/{session}/stream"
    got: Any = await connect(f"{url}?lastEventId=1&tab=1", **place.headers)
    async for message in got.messages():
        if message.type == "gap_detected":
            break
    during = await asyncio.to_thread(place.scrape)
    assert during["board_stream_clients"] - total(before, "board_stream_clients") == 1
    assert total(during, "board_stream_gaps_total") - total(before, "board_stream_gaps_total") == 1
    await got.close()
    codes = set()
    deadline = time.monotonic() + 60
    while 429 not in codes and time.monotonic() < deadline:
        got = await connect(f"{url}?lastEventId=9&tab=2", **place.headers)
        codes.add(got.status)
        await got.close()
    assert 429 in codes
    after = await asyncio.to_thread(place.scrape)
    assert total(after, "board_stream_refused_total") > total(before, "board_stream_refused_total")
    await asyncio.to_thread(place.until, "board_stream_clients", lambda value: value == 0)
    await asyncio.to_thread(place.site.append, session, "session_killed")


def test_a_transaction_that_is_tried_again(place: Place) -> None:
    """A connection that dies inside a transaction: the work is done again, and counted by its SQLSTATE."""
    before = place.scrape()
    ids = start_sessions(place.site, 2, rounds=1)
    running = "SELECT count(*) FROM board_session WHERE status = 'running' AND id = ANY(%s::uuid[])"
    wait_until(lambda: place.site.query(running, ids) == [(2,)], seconds=90, what="both to be claimed")
    url = place.site.database_url
    with psycopg.connect(url) as lock, psycopg.connect(url, autocommit=True) as axe:
        lock.execute("LOCK TABLE board_run IN EXCLUSIVE MODE")  # a run cannot be settled now: its transaction waits

        def cut() -> bool:
            waiting = (
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'bo1-worker'"
                " AND wait_event_type = 'Lock' AND wait_event = 'relation' AND datname = current_database()"
                " AND query LIKE 'UPDATE \"board_run\"%'"  # a look at the line waits as well
            )
            return bool(axe.execute(waiting).fetchall())

        wait_until(cut, seconds=90, what="a run's end to wait for the lock")

    def counted() -> bool:
        return total(place.scrape(), "board_database_retries_total") > total(before, "board_database_retries_total")

    wait_until(counted, seconds=30, what="a retry to be counted")
    wait_until(lambda: completed(place.site, ids), seconds=180, what="sessions to complete")
