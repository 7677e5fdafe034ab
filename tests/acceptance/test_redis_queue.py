"""The queue over Redis (docs/scaling.md): after the commit, swept when it loses an entry, the table when it is away."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis as client

from tests.chaos.kit import damage, start_sessions, statuses
from tests.chaos.test_cascades import site_on
from tests.live import database, wait_until
from tests.stream.processes import Redis, Site

pytestmark = [pytest.mark.chaos, pytest.mark.slow]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    found = Redis(tmp_path)
    found.start()
    yield found
    if found.process is not None and found.process.poll() is None:
        found.kill()


@pytest.fixture
def site(tmp_path: Path, redis: Redis) -> Iterator[Site]:
    with database() as url:
        running = site_on(url, tmp_path, REDIS_URL=redis.url, QUEUE="redis")
        try:
            running.start_provider()
            yield running
        finally:
            running.stop()


def complete(site: Site, count: int) -> None:
    wait_until(lambda: statuses(site) == {"completed": count}, seconds=180, what="sessions to complete")
    assert damage(site) == []


def test_entries_go_through_redis_and_none_into_the_table(site: Site, redis: Redis) -> None:
    start_sessions(site, 2, rounds=1)
    with client.Redis(port=redis.port) as connection:
        assert connection.llen("board:queue:board") == 2
        assert site.query("SELECT count(*) FROM django_q_ormq") == [(0,)]
        site.start_worker()
        complete(site, 2)
        assert connection.llen("board:queue:board") == 0


def test_an_entry_that_redis_loses_is_made_up_for_by_the_sweep(site: Site, redis: Redis) -> None:
    start_sessions(site, 2, rounds=1)
    with client.Redis(port=redis.port) as connection:
        connection.flushall()
    site.start_worker()
    complete(site, 2)


def test_while_redis_is_away_the_table_is_the_queue_and_then_it_is_redis_again(site: Site, redis: Redis) -> None:
    site.start_worker()
    start_sessions(site, 1, rounds=1)
    complete(site, 1)
    redis.kill()
    start_sessions(site, 1, rounds=1)
    complete(site, 2)
    redis.start()
    start_sessions(site, 1, rounds=1)
    complete(site, 3)


ROLLED_BACK = """
from django.contrib.auth import get_user_model
from django.db import transaction
from sessions.services.start import Decision, create, start
owner = get_user_model().objects.create(username="ada")
session = create(owner, Decision("Should we do this or rather not, and what would change our minds?"))
try:
    with transaction.atomic():
        start(session)
        raise RuntimeError
except RuntimeError:
    pass
"""


def test_what_is_rolled_back_is_never_enqueued(site: Site, redis: Redis) -> None:
    site.manage("shell", "-c", ROLLED_BACK)
    with client.Redis(port=redis.port) as connection:
        assert connection.llen("board:queue:board") == 0
    assert statuses(site) == {"created": 1}
