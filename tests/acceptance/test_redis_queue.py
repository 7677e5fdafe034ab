"""The queue over Redis (docs/scaling.md): after the commit, swept when it loses an entry, the table when it is away."""

from collections.abc import Iterator

import pytest
import redis as client

from tests.chaos.kit import completed, damage, start_sessions
from tests.chaos.places import site_on
from tests.live import database, wait_until
from tests.stream.processes import Redis, Site

pytestmark = [pytest.mark.chaos, pytest.mark.slow]


KEY = "board:queue:board"


def until_over_redis(site: Site, connection: "client.Redis") -> None:
    """Enqueue until an entry lies in Redis: whoever enqueues leaves it alone for a while after a failure."""

    def lies_there() -> bool:
        site.script("from sessions.services import wake; wake.runners()")
        return bool(connection.llen(KEY))

    wait_until(lies_there, seconds=60, what="an entry in Redis")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Redis]]:
    directory = tmp_path_factory.mktemp("queue")
    redis = Redis(directory)
    redis.start()
    with database() as url:
        running = site_on(url, directory, REDIS_URL=redis.url, QUEUE="redis")
        try:
            running.start_provider()
            yield running, redis
        finally:
            running.stop()
            if redis.process is not None and redis.process.poll() is None:
                redis.kill()


@pytest.fixture
def site(place: tuple[Site, Redis]) -> Iterator[Site]:
    """The product without its worker, which each test starts when it wants one."""
    yield place[0]
    if "worker" in place[0].processes:
        place[0].kill("worker")


@pytest.fixture
def queue(place: tuple[Site, Redis]) -> Iterator["client.Redis"]:
    """The queue's Redis, empty, and in use."""
    site, redis = place
    with client.Redis(port=redis.port) as connection:
        until_over_redis(site, connection)
        connection.flushall()
        site.query("DELETE FROM django_q_ormq")
        yield connection


def complete(site: Site, ids: list[str]) -> None:
    wait_until(lambda: completed(site, ids), seconds=180, what="sessions to complete")
    assert damage(site) == []


def test_entries_go_through_redis_and_none_into_the_table(site: Site, queue: "client.Redis") -> None:
    ids = start_sessions(site, 2, rounds=1)
    assert queue.llen(KEY) == 2
    assert site.query("SELECT count(*) FROM django_q_ormq") == [(0,)]
    site.start_worker()
    complete(site, ids)
    wait_until(lambda: queue.llen(KEY) == 0, seconds=30, what="every entry to be taken")


def test_an_entry_that_redis_loses_is_made_up_for_by_the_sweep(site: Site, queue: "client.Redis") -> None:
    ids = start_sessions(site, 2, rounds=1)
    queue.flushall()
    site.start_worker()
    complete(site, ids)


def test_while_redis_is_away_the_table_is_the_queue_and_then_it_is_redis_again(
    site: Site, place: tuple[Site, Redis], queue: "client.Redis"
) -> None:
    redis = place[1]
    redis.kill()
    ids = start_sessions(site, 1, rounds=1)
    assert site.query("SELECT count(*) FROM django_q_ormq") == [(1,)]
    site.start_worker()
    complete(site, ids)
    redis.start()
    complete(site, start_sessions(site, 1, rounds=1))
    site.kill("worker")
    until_over_redis(site, queue)


ROLLED_BACK = """
from django.contrib.auth import get_user_model
from django.db import transaction
from sessions.services.start import Decision, create, start
owner, _ = get_user_model().objects.get_or_create(username="ada")
session = create(owner, Decision("Should we do this or rather not, and what would change our minds?"))
try:
    with transaction.atomic():
        start(session)
        raise RuntimeError
except RuntimeError:
    print(session.pk)
"""


def test_what_is_rolled_back_is_never_enqueued(site: Site, queue: "client.Redis") -> None:
    session = site.script(ROLLED_BACK).strip()
    assert queue.llen(KEY) == 0
    assert site.query("SELECT count(*) FROM django_q_ormq") == [(0,)]
    assert site.query("SELECT status FROM board_session WHERE id = %s", session) == [("created",)]
