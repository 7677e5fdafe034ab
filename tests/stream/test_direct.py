"""Events are handed to connections that wait for them without waking their streams, wherever that is possible."""

from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings

from sessions import events
from sessions.stream import queries
from sessions.stream.direct import Direct
from tests.stream.client import connect, get, until
from tests.stream.conftest import do
from tests.stream.web import serving

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What was handed over directly, as it is handed over."""
    bodies: list[bytes] = []
    write = Direct.write

    def note(self: Direct, body: bytes) -> None:
        bodies.append(body)
        write(self, body)

    monkeypatch.setattr(Direct, "write", note)
    return bodies


async def test_news_go_to_every_waiting_client_directly(web, login, user, make_session, write, written) -> None:
    session, headers = await do(make_session), await do(login, user)
    streams = [await connect(web.stream(session, f"?tab={n}"), **headers) for n in range(3)]
    for got in streams:
        await got.take(1)
    await until(lambda: [s.waiting for s in web.hub.subscriptions] == [True] * 3)
    quiet = max(s.quiet for s in web.hub.subscriptions)
    for head in (2, 3):
        await do(write, session)
        for got in streams:
            assert [m.id for m in await got.take(1)] == [head]
    assert len(written) == 6
    assert len(set(map(id, written))) == 2  # the same bytes for everybody
    assert all(s.quiet > quiet for s in web.hub.subscriptions)  # the next keepalive is due that much later
    for got in streams:
        await got.close()


async def test_the_terminal_event_ends_streams_that_were_written_to_directly(
    web, login, user, make_session, write, set_status, written
) -> None:
    """SS7"""
    session = await do(make_session)
    async with get(web.stream(session), **await do(login, user)) as got:
        await got.take(1)
        await until(lambda: [s.waiting for s in web.hub.subscriptions] == [True])
        await do(write, session)
        await got.take(1)
        await do(set_status, session, "completed")
        assert [m.id for m in await got.rest()] == [3]
    assert len(written) == 1


async def test_a_server_of_another_make_is_served_through_asgi(login, user, make_session, write, written) -> None:
    session = await do(make_session)
    with serving(http="h11") as web:
        async with get(web.stream(session), **await do(login, user)) as got:
            await got.take(1)
            await until(lambda: [s.waiting for s in web.hub.subscriptions] == [True])
            await do(write, session, 2)
            assert [m.id for m in await got.take(2)] == [2, 3]
    assert not written


@override_settings(STREAM_SLOW_SECONDS=60)
async def test_a_client_that_stops_reading_is_not_written_to_beyond_its_buffer(
    login, user, make_session, write, written
) -> None:
    """SS2: from direct to the usual way and back, in order and once."""
    session, count = await do(make_session), 2400
    with serving() as web:
        lazy = await connect(web.stream(session), limit=1024, **await do(login, user))
        await lazy.take(1)
        await until(lambda: [s.waiting for s in web.hub.subscriptions] == [True])
        [subscription] = web.hub.subscriptions
        await do(write, session)
        await lazy.take(1)
        assert len(written) == 1
        for _ in range(count // 40):
            await do(write, session, 40, "x" * 5_000)
        await until(lambda: subscription.writing_since is not None)
        direct: Any = len(written)
        assert [m.id for m in await lazy.take(count, seconds=60)] == list(range(3, count + 3))
        await until(lambda: subscription.waiting)
        await do(write, session)
        assert [m.id for m in await lazy.take(1)] == [count + 3]
        await lazy.close()
    assert direct < count // 40
    assert len(written) > direct


async def test_news_of_many_sessions_are_read_with_one_statement(
    web, login, user, make_session, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions, headers = [await do(make_session) for _ in range(12)], await do(login, user)
    streams = [await connect(web.stream(session), **headers) for session in sessions]
    for got in streams:
        await got.take(1)
    await until(lambda: web.hub.listening and [s.waiting for s in web.hub.subscriptions] == [True] * 12)
    asked: list[int] = []
    rows = web.hub.reads.rows

    async def note(query: str, params: Any) -> Any:
        if query == queries.NEWS:
            asked.append(len(params[0]))
        return await rows(query, params)

    monkeypatch.setattr(web.hub.reads, "rows", note)

    def write_to_all() -> None:
        with transaction.atomic():
            for session in sessions:
                long = "Think of the families." * 500  # too long for a doorbell
                events.append(session.pk, [events.Draft("interjection", {"text": long})])

    await do(write_to_all)
    for got in streams:
        assert [m.id for m in await got.take(1)] == [2]
        await got.close()
    assert sum(asked) >= 12
    assert len(asked) <= 2
