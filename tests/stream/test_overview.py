"""The streams of many sessions: a user's own and, for staff, everybody's (SS1, SS2, SS6, SS8 for lists)."""

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Permission
from django.db import connection, transaction
from django.test import override_settings

from sessions import events
from sessions.models import Session
from tests.stream.client import Message, Stream, get, until
from tests.stream.conftest import do
from tests.stream.web import serving

pytestmark = pytest.mark.django_db(transaction=True)

MINE, ALL = "/api/v1/sessions/stream", "/api/v1/operations/stream"


async def until_id(stream: Stream, seconds: float = 20) -> list[Message]:
    """Messages up to and with the next one that carries an id: after it a client may be cut without a loss."""
    found: list[Message] = []
    async with asyncio.timeout(seconds):
        async for message in stream.messages():
            found.append(message)
            if message.id is not None:
                return found
    raise AssertionError("the stream ended")


def changed(messages: list[Message]) -> dict[str, int]:
    return {m.data["id"]: m.data["last_sequence"] for m in messages if m.type == "session_changed"}


async def test_a_new_reader_is_told_the_counts_and_then_what_changes(web, login, user, make_session, write) -> None:
    session = await do(make_session, owner=user)
    headers = await do(login, user)
    async with get(web.url + MINE, **headers) as stream:
        assert stream.status == 200
        [first] = await until_id(stream)
        assert (first.type, first.data) == ("overview", {"by_status": {"created": 1}})
        head = await do(write, session)
        [told] = await stream.take(1)
        assert (told.type, told.id) == ("session_changed", None)
        assert told.data == {
            "id": str(session.pk), "owner": user.pk, "title": session.title, "status": "created", "phase": "",
            "round": 0, "max_rounds": session.max_rounds, "last_sequence": head,
        }  # fmt: skip
        [after] = await until_id(stream)
        assert after.type == "overview"
        assert after.id >= first.id


async def test_whoever_comes_back_is_told_what_changed_meanwhile(web, login, user, make_session, write) -> None:
    quiet, loud = await do(make_session, owner=user), await do(make_session, owner=user)
    headers = await do(login, user)
    await do(write, quiet)
    async with get(web.url + MINE, **headers) as stream:
        [first] = await until_id(stream)
    heads = [await do(write, loud) for _ in range(3)]
    async with get(f"{web.url}{MINE}?lastEventId={first.id}", **headers) as stream:
        found = await until_id(stream)
    assert changed(found)[str(loud.pk)] == heads[-1]
    # What changed before may be told again: a transaction of another database holds the horizon back.
    assert changed(found).keys() <= {str(loud.pk), str(quiet.pk)}


async def test_a_change_that_commits_after_a_later_one_was_told_is_not_lost(
    web, login, user, make_session, write
) -> None:
    """The trap of every id that is drawn before the commit: the slow transaction has the lower number."""
    slow, quick = await do(make_session, owner=user), await do(make_session, owner=user)
    headers = await do(login, user)
    begun, finish = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def hold() -> int:
        try:
            with transaction.atomic():
                head = events.append(slow.pk, [events.Draft("interjection", {"text": "slow"})])
                loop.call_soon_threadsafe(begun.set)
                asyncio.run_coroutine_threadsafe(finish.wait(), loop).result(30)
            return head
        finally:
            connection.close()

    async with get(web.url + MINE, **headers) as stream:
        await until_id(stream)
        holding = asyncio.create_task(sync_to_async(hold, thread_sensitive=False)())
        await begun.wait()
        head = await do(write, quick)
        told = await until_id(stream)
        known = changed(told)
        assert known[str(quick.pk)] == head
        assert known.get(str(slow.pk), 1) == 1, "as it was before: a state may be told again, and none ahead of time"
        last = told[-1].id
    finish.set()
    slow_head = await holding
    async with get(f"{web.url}{MINE}?lastEventId={last}", **headers) as stream:
        assert changed(await until_id(stream))[str(slow.pk)] == slow_head


async def test_a_reader_who_drops_a_hundred_times_ends_up_with_every_session_as_it_is(
    login, user, make_session, write
) -> None:
    sessions = [await do(make_session, owner=user) for _ in range(5)]
    headers = await do(login, user)
    known: dict[str, int] = {}

    async def work() -> None:
        for n in range(150):
            await do(write, sessions[n % 5])

    with serving() as web:
        working, last, cuts = asyncio.create_task(work()), 0, 0
        while cuts < 100 or not working.done() or last == 0:
            async with get(f"{web.url}{MINE}?lastEventId={last}&tab=t{cuts}", **headers) as stream:
                for message in await stream.take(1 + cuts % 3 if not working.done() else 1):
                    if message.type == "session_changed":
                        known[message.data["id"]] = message.data["last_sequence"]
                    last = message.id or last
            cuts += 1
        await working
        async with get(f"{web.url}{MINE}?lastEventId={last}&tab=end", **headers) as stream:
            known |= changed(await until_id(stream))
    heads = await do(lambda: dict(Session.objects.filter(owner=user).values_list("id", "last_sequence")))
    assert known == {str(key): head for key, head in heads.items()}


async def test_a_new_and_a_deleted_session_change_the_counts(web, login, user, make_session, write) -> None:
    first = await do(make_session, owner=user)
    async with get(web.url + MINE, **await do(login, user)) as stream:
        await until_id(stream)
        second = await do(make_session, owner=user)
        await do(write, second)
        told = await until_id(stream)
        assert str(second.pk) in changed(told)
        assert told[-1].data == {"by_status": {"created": 2}}
        await do(first.delete)
        assert (await until_id(stream))[-1].data == {"by_status": {"created": 1}}


@pytest.mark.parametrize("doorbell", [True, False])
async def test_without_a_doorbell_the_table_is_polled(login, user, make_session, write, doorbell: bool) -> None:
    """SS6"""
    session = await do(make_session, owner=user)
    headers = await do(login, user)
    with override_settings(STREAM_LISTEN=doorbell, STREAM_POLL_DOWN_SECONDS=0.2), serving() as web:
        async with get(web.url + MINE, **headers) as stream:
            await until_id(stream)
            head = await do(write, session)
            assert changed(await until_id(stream)) == {str(session.pk): head}


async def test_a_lost_listen_connection_loses_no_change(web, login, user, make_session, write) -> None:
    session = await do(make_session, owner=user)
    async with get(web.url + MINE, **await do(login, user)) as stream:
        await until_id(stream)

        def cut_and_write() -> int:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'bo1-listen'"
                    " AND datname = current_database()"
                )
            return write(session)

        head = await do(cut_and_write)
        assert changed(await until_id(stream)) == {str(session.pk): head}


async def test_other_people_s_sessions_are_not_told(web, login, user, add_user, make_session, write) -> None:
    theirs, mine = await do(make_session, owner=await do(add_user)), await do(make_session, owner=user)
    async with get(web.url + MINE, **await do(login, user)) as stream:
        await until_id(stream)
        await do(write, theirs)
        head = await do(write, mine)
        assert changed(await until_id(stream)) == {str(mine.pk): head}


async def test_staff_are_told_of_everybody_s(web, login, staff, add_user, make_session, write) -> None:
    theirs = await do(make_session, owner=await do(add_user))
    async with get(web.url + ALL, **await do(login, staff)) as stream:
        await until_id(stream)
        head = await do(write, theirs)
        assert changed(await until_id(stream))[str(theirs.pk)] == head


async def test_only_staff_with_the_permission_oversee(web, login, user, add_user) -> None:
    """SS8"""
    async with get(web.url + MINE) as anonymous:
        assert (anonymous.status, (await anonymous.body())["code"]) == (401, "not_authenticated")
    for who in (user, await do(add_user, is_staff=True)):
        async with get(web.url + ALL, **await do(login, who)) as stream:
            assert (stream.status, (await stream.body())["code"]) == (403, "forbidden")


async def test_staff_whose_permission_is_taken_away_lose_the_open_stream(web, login, add_user) -> None:
    """SS8"""
    staff = await do(add_user, is_staff=True)
    may = await do(lambda: Permission.objects.get(codename="view_session", content_type__app_label="board"))
    await do(staff.user_permissions.add, may)
    async with get(web.url + ALL, **await do(login, staff)) as stream:
        await until_id(stream)
        await do(staff.user_permissions.remove, may)
        assert [m.data for m in await stream.rest() if m.type == "stream_end"] == [{"reason": "forbidden"}]


@override_settings(STREAM_RECHECK_SECONDS=0.1)
async def test_a_lost_right_that_nobody_announced_is_found(login, user) -> None:
    """SS8"""
    with serving() as web:
        async with get(web.url + MINE, **await do(login, user)) as stream:
            await until_id(stream)
            await do(type(user).objects.filter(pk=user.pk).update, is_active=False)
            assert [m.data for m in await stream.rest() if m.type == "stream_end"] == [{"reason": "forbidden"}]


@pytest.mark.parametrize("last", [2**60, 2**63 - 1])
async def test_an_id_that_was_never_given_asks_to_read_the_list_again(web, login, user, last: int) -> None:
    """After a restored backup, say (SS3)."""
    async with get(f"{web.url}{MINE}?lastEventId={last}", **await do(login, user)) as stream:
        told = await until_id(stream)
        assert (told[0].type, told[0].data) == ("reload", {"reason": "unknown_id"})
        assert told[-1].id < last


async def test_more_changes_than_are_worth_telling_ask_to_read_the_list_again(
    web, login, user, make_session, write, monkeypatch
) -> None:
    monkeypatch.setattr("sessions.stream.overview.MOST", 2)
    headers = await do(login, user)
    async with get(web.url + MINE, **headers) as stream:
        [first] = await until_id(stream)
    for _ in range(3):
        await do(write, await do(make_session, owner=user))
    async with get(f"{web.url}{MINE}?lastEventId={first.id}", **headers) as stream:
        told = await until_id(stream)
        assert (told[0].type, told[0].data) == ("reload", {"reason": "too_many"})
        assert told[-1].data == {"by_status": {"created": 3}}


async def test_a_malformed_id_and_another_method_are_refused(web, login, user, rf) -> None:
    async with get(f"{web.url}{MINE}?lastEventId=x", **await do(login, user)) as stream:
        assert (stream.status, (await stream.body())["code"]) == (400, "malformed_event_id")
    from sessions.stream.view import mine

    assert (await mine(rf.post(MINE))).status_code == 405


@override_settings(STREAM_PER_USER=1)
async def test_they_count_as_streams_of_their_user(login, user, make_session) -> None:
    session = await do(make_session, owner=user)
    headers = await do(login, user)
    with serving() as web:
        async with get(web.url + MINE, **headers) as stream:
            await until_id(stream)
            async with get(web.stream(session), **headers) as second:
                assert (second.status, (await second.body())["code"]) == (429, "too_many_streams")


async def test_rapid_reconnects_are_held_off(web, login, user) -> None:
    """SS5"""
    headers = await do(login, user)
    found: list[Any] = []
    for _ in range(11):
        async with get(web.url + MINE, **headers) as stream:
            found.append(200 if stream.status == 200 else int(stream.headers["retry-after"]))
    assert found == [200, 200, 200, 200, 2, 4, 8, 16, 32, 60, 60]


async def test_a_draining_process_ends_them(web, login, user) -> None:
    async with get(web.url + MINE, **await do(login, user)) as stream:
        await until_id(stream)
        web.loop.call_soon_threadsafe(web.hub.drain)
        assert [m.data["reason"] for m in await stream.rest() if m.type == "stream_end"] == ["draining"]


async def test_nothing_is_left_when_the_last_reader_has_gone(web, login, user) -> None:
    async with get(web.url + MINE, **await do(login, user)) as stream:
        await until_id(stream)
        assert web.hub.overview._scopes
    await until(lambda: not web.hub.overview._scopes and not web.hub.subscriptions)
