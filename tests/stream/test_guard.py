"""Streams that must not go on: lost rights, clients that do not read, limits, a process that stops."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client, override_settings
from django_eventstream.eventstream import channel_permission_changed, send_event
from django_eventstream.views import get_listener_manager
from rest_framework.authtoken.models import Token

from sessions.models import Session
from sessions.stream import limiter, source
from sessions.stream.eventstream import DoorbellManager, channel_of
from tests.stream.client import Stream, connect, get, until
from tests.stream.conftest import do
from tests.stream.web import serving

pytestmark = pytest.mark.django_db(transaction=True)


async def ended(got: Stream) -> Any:
    """The reason in ``stream_end``, the last thing the stream says."""
    messages = await got.rest()
    assert messages[-1].type == "stream_end"
    assert messages[-1].id is None  # the client's last id stays
    return messages[-1].data["reason"]


@pytest.mark.parametrize("how", ["deactivated", "deleted token", "signed out", "other password"])
async def test_a_reader_who_loses_the_right_loses_the_open_stream_at_once(web, user, make_session, how: str) -> None:
    """SS8"""
    session = await do(make_session)
    client = Client()
    if how == "deleted token":
        token = await do(Token.objects.create, user=user)
        headers = {"Authorization": f"Token {token.key}"}
    else:
        await do(client.force_login, user)
        headers = {"Cookie": f"sessionid={client.cookies['sessionid'].value}"}
    async with get(web.stream(session), **headers) as got:
        await got.take(1)
        if how == "deactivated":
            user.is_active = False
            await do(user.save)
        elif how == "deleted token":
            await do(token.delete)
        elif how == "signed out":
            await do(client.logout)
        else:
            user.set_password("another-long-secret")
            await do(user.save)
        async with asyncio.timeout(2):
            assert await ended(got) == "forbidden"
    async with get(web.stream(session), **headers) as got:
        assert got.status == 401


async def test_staff_whose_permission_is_taken_away_lose_the_open_stream(web, login, add_user, make_session) -> None:
    """SS8"""
    session, clerk = await do(make_session), await do(add_user, is_staff=True)
    permission = await do(Permission.objects.get, codename="view_session", content_type__app_label="board")
    await do(clerk.user_permissions.add, permission)
    headers = await do(login, clerk)
    async with get(web.stream(session), **headers) as got:
        await got.take(1)
        await do(clerk.user_permissions.remove, permission)
        async with asyncio.timeout(2):
            assert await ended(got) == "forbidden"
    async with get(web.stream(session), **headers) as got:
        assert got.status == 404


async def test_a_change_that_leaves_the_right_leaves_the_stream(web, login, user, make_session, write) -> None:
    session = await do(make_session)
    async with get(web.stream(session), **await do(login, user)) as got:
        await got.take(1)
        user.first_name = "Ada"
        await do(user.save)
        await do(write, session)
        assert (await got.take(1))[0].id == 2


@override_settings(STREAM_RECHECK_SECONDS=0.1)
async def test_a_lost_right_that_nobody_announced_is_found(login, user, add_user, make_session) -> None:
    """SS8: a change by plain SQL sends no signal."""
    session, heir = await do(make_session), await do(add_user)
    with serving() as web:
        async with get(web.stream(session), **await do(login, user)) as got:
            await got.take(1)
            await do(Session.objects.filter(pk=session.pk).update, owner=heir)
            assert await ended(got) == "forbidden"


async def test_a_right_lost_while_listen_was_down_is_found_when_it_is_back(login, user, make_session) -> None:
    """SS8: the notice fell into a time of deafness."""
    session, headers = await do(make_session, owner=user), await do(login, user)

    def sign_out_unheard() -> None:
        with connection.cursor() as cursor:  # by SQL: no signal, no notice
            cursor.execute("DELETE FROM django_session WHERE session_key = %s", [headers["Cookie"].split("=")[1]])
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'bo1-listen'"
                " AND datname = current_database()"
            )

    with serving() as web:
        async with get(web.stream(session), **headers) as got:
            await got.take(1)
            await until(lambda: web.hub.listening)
            await do(sign_out_unheard)
            assert await ended(got) == "forbidden"


async def test_a_deleted_session_ends_its_streams(web, login, user, make_session) -> None:
    session = await do(make_session)
    async with get(web.stream(session), **await do(login, user)) as got:
        await got.take(1)
        await do(session.delete)
        assert await ended(got) == "gone"


async def test_a_session_deleted_while_listen_was_down_is_gone_and_not_forbidden(
    login, user, make_session, monkeypatch
) -> None:
    """Its streams are looked at for lost rights when LISTEN is back, which must not give the wrong reason."""
    session, headers = await do(make_session), await do(login, user)

    def delete_unheard() -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM board_event WHERE session_id = %s", [session.pk])
            cursor.execute("DELETE FROM board_session WHERE id = %s", [session.pk])

    with serving() as web:
        monkeypatch.setattr(web.hub, "look_at_everything", lambda: None)  # the check of rights comes first
        async with get(web.stream(session), **headers) as got:
            await got.take(1)
            await do(delete_unheard)
            web.loop.call_soon_threadsafe(web.hub.on_access, "*")
            assert await ended(got) == "gone"


async def test_the_framework_s_kick_ends_the_stream(web, login, user, add_user, make_session) -> None:
    session, heir = await do(make_session), await do(add_user)
    async with get(web.stream(session), **await do(login, user)) as got:
        await got.take(1)
        await do(Session.objects.filter(pk=session.pk).update, owner=heir)
        await do(channel_permission_changed, user, channel_of(session.pk))
        assert await ended(got) == "forbidden"


async def test_the_framework_s_send_event_goes_through_the_table(web, login, user, make_session) -> None:
    session = await do(make_session)
    async with get(web.stream(session), **await do(login, user)) as got:
        await got.take(1)
        await do(send_event, channel_of(session.pk), "interjection", {"text": "By the framework"})
        [message] = await got.take(1)
    assert (message.id, message.data) == (2, {"text": "By the framework"})


def test_our_listener_manager_is_in_the_framework_s_place() -> None:
    """Rests on a private name of django-eventstream 5.3.4; a new version has to be looked at before it is taken."""
    from importlib.metadata import version

    assert version("django-eventstream") == "5.3.4"
    assert isinstance(get_listener_manager(), DoorbellManager)


@override_settings(STREAM_SLOW_SECONDS=0.5)
async def test_a_client_that_does_not_read_is_closed_and_resumes(login, user, make_session, write) -> None:
    session, headers = await do(make_session), await do(login, user)
    for _ in range(20):
        await do(write, session, 50, "x" * 10_000)
    with serving() as web:
        lazy = await connect(web.stream(session), limit=1024, **headers)
        await until(lambda: web.hub.subscriptions)
        await until(lambda: not web.hub.subscriptions)
        got = []
        with suppress(asyncio.IncompleteReadError, OSError, ValueError):  # the buffered rest, then a reset
            async for message in lazy.messages():
                got.append(message.id)
        await lazy.close()
        last = got[-1] if got else 0
        assert last < 1001
        async with get(web.stream(session, f"?lastEventId={last}"), **headers) as resumed:
            got += [m.id for m in await resumed.take(1001 - last)]
    assert got == list(range(1, 1002))


async def test_a_client_that_does_not_read_has_two_pages_read_for_it_and_no_more(
    web, login, user, make_session, write
) -> None:
    """What memory a client may cost: a page that is being sent and the one after it."""
    session, headers = await do(make_session), await do(login, user)
    for _ in range(40):
        await do(write, session, 500, "x" * 1000)
    read, taken = [0], [0]
    replay, encode = web.hub.replay, source._encode

    async def reading(session_id: str, last: int) -> Any:
        read[0] += 1
        return await replay(session_id, last)

    def taking(part: Any) -> bytes:
        taken[0] += part is not None
        return encode(part)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(web.hub, "replay", reading)
        patch.setattr(source, "_encode", taking)
        lazy = await connect(web.stream(session), limit=1024, **headers)
        await until(lambda: web.hub.subscriptions)
        [subscription] = web.hub.subscriptions
        clock = web.loop.time
        await until(lambda: clock() - (subscription.writing_since or clock()) > 0.5)
        assert 1 <= taken[0] < 40
        assert read[0] == taken[0] + 1
        await lazy.close()


@override_settings(STREAM_LIFE_SECONDS=0.4, STREAM_KEEPALIVE_SECONDS=0.1)
async def test_an_old_stream_is_handed_over_without_a_loss(login, user, make_session, write) -> None:
    session, headers = await do(make_session), await do(login, user)
    with serving() as web:
        async with get(web.stream(session), **headers) as got:
            messages = await got.rest()
        assert messages[-1].data["reason"] == "lifetime"
        assert 0 <= messages[-1].data["retry_ms"] <= 1100
        await do(write, session)
        async with get(web.stream(session, "?lastEventId=1"), **headers) as got:
            assert (await got.take(1))[0].id == 2


@override_settings(STREAM_PER_USER=2)
async def test_a_user_has_so_many_streams_and_no_more(login, user, add_user, make_session) -> None:
    sessions, headers = [await do(make_session) for _ in range(3)], await do(login, user)
    other = await do(add_user)
    theirs = await do(make_session, owner=other)
    with serving() as web:
        async with get(web.stream(sessions[0]), **headers) as one, get(web.stream(sessions[1]), **headers) as two:
            await one.take(1)
            await two.take(1)
            async with get(web.stream(sessions[2]), **headers) as third:
                assert (third.status, (await third.body())["code"]) == (429, "too_many_streams")
                assert int(third.headers["retry-after"]) > 0
            async with get(web.stream(theirs), **await do(login, other)) as fine:
                assert fine.status == 200


@override_settings(STREAM_PER_PROCESS=1)
async def test_a_full_process_says_so(login, user, make_session) -> None:
    session, headers = await do(make_session), await do(login, user)
    with serving() as web:
        async with get(web.stream(session), **headers) as one:
            await one.take(1)
            async with get(web.stream(session, "?tab=b"), **headers) as got:
                assert (got.status, (await got.body())["code"]) == (503, "streams_full")


async def test_a_draining_process_ends_its_streams_spread_out(web, login, user, make_session) -> None:
    session, headers = await do(make_session), await do(login, user)
    streams = [await connect(web.stream(session, f"?tab={n}"), **headers) for n in range(20)]
    for got in streams:
        await got.take(1)
    web.loop.call_soon_threadsafe(web.hub.drain)
    delays = set()
    for got in streams:
        messages = await got.rest()
        assert messages[-1].data["reason"] == "draining"
        assert got.retries[-1] == messages[-1].data["retry_ms"]  # a plain EventSource obeys it as well
        delays.add(got.retries[-1])
        await got.close()
    assert len(delays) > 15
    async with get(web.stream(session), **headers) as got:
        assert (got.status, (await got.body())["code"]) == (503, "shutting_down")


async def test_idle_streams_hold_no_thread_and_no_connection(web, login, user, make_session, settings) -> None:
    """SS8"""
    import threading

    from django.db import connection

    def backends() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
            return cursor.fetchone()[0]

    session, headers = await do(make_session), await do(login, user)
    streams = [await connect(web.stream(session, f"?tab={n}"), **headers) for n in range(6)]
    for got in streams:
        await got.take(1)
    few = await do(backends), threading.active_count()
    streams += [await connect(web.stream(session, f"?tab={n}"), **headers) for n in range(6, 45)]
    for got in streams[6:]:
        await got.take(1)
    assert threading.active_count() <= few[1] + 3  # those that admit: four at most
    async with asyncio.timeout(10):
        while await do(backends) > few[0]:  # noqa: ASYNC110 (what the rush needed more is closed again)
            await asyncio.sleep(0.1)
    for got in streams:
        await got.close()
    await until(lambda: not web.hub.subscriptions, seconds=1)
    assert not web.hub.channels
    assert not get_listener_manager().listeners_by_channel


def test_time_forgives_a_client_that_reconnected_too_fast() -> None:
    """SS5: the earlier system locked a session out for good."""
    now = 0.0
    held = limiter.Limiter(lambda: now)
    assert [held.attempt("a") for _ in range(8)] == [0, 0, 0, 0, 2, 4, 8, 16]
    assert held.waiting("a") == 16
    now = 16.5
    assert held.attempt("a") == 0
    now = 16.5 + limiter.MOST * limiter.DECAY
    assert [held.attempt("a") for _ in range(5)] == [0, 0, 0, 0, 2]


def test_a_client_that_obeys_is_never_refused_again() -> None:
    """SS5"""
    now = 0.0
    held = limiter.Limiter(lambda: now)
    for _ in range(4):
        assert held.attempt("a") == 0
    for _ in range(50):
        now += held.waiting("a")
        assert held.attempt("a") == 0


def test_the_limiter_forgets_the_oldest_client_first() -> None:
    held = limiter.Limiter(lambda: 0.0)
    for client in range(limiter.CLIENTS + 5):
        held.attempt(client)
    assert len(held._clients) == limiter.CLIENTS
    assert 0 not in held._clients
