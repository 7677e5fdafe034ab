"""What a client is promised at ``GET /api/v1/sessions/{id}/stream`` (SS1–SS8)."""

import asyncio
from uuid import uuid4

import pytest
from django.test import override_settings
from rest_framework.authtoken.models import Token

from sessions.stream.view import stream
from tests.stream.client import get
from tests.stream.conftest import do
from tests.stream.web import serving

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_new_client_gets_the_history_and_then_what_happens(web, login, user, make_session, write) -> None:
    session = await do(make_session)
    await do(write, session, 3)
    async with get(web.stream(session), **await do(login, user)) as got:
        assert got.status == 200
        assert got.headers["content-type"].startswith("text/event-stream")
        past = await got.take(4)
        await do(write, session, 2)
        live = await got.take(2)
    assert [m.id for m in past + live] == [1, 2, 3, 4, 5, 6]
    assert past[0].type == "session_created"
    assert live[1].data == {"text": "Think of the families. 1"}
    assert got.retries[0] >= 1000


async def test_clients_that_lack_more_than_the_first_one_did_get_all_of_it(
    web, login, user, make_session, write
) -> None:
    """SS1: what is kept in memory was read for somebody who had nearly everything."""
    session, headers = await do(make_session), await do(login, user)
    head = await do(write, session, 300)
    async with get(web.stream(session, f"?lastEventId={head - 1}"), **headers) as first:
        assert [m.id for m in await first.take(1)] == [head]
        for last in (head - 3, head - 200, 1):  # from memory, from the table, from far behind
            async with get(web.stream(session, f"?lastEventId={last}&tab={last}"), **headers) as got:
                assert [m.id for m in await got.take(head - last)] == list(range(last + 1, head + 1))
                head = await do(write, session)
                assert [m.id for m in await got.take(1)] == [head]
            assert [m.id for m in await first.take(1)] == [head]


@pytest.mark.parametrize("how", ["header", "query", "header wins"])
async def test_the_last_id_resumes_the_stream(web, login, user, make_session, write, how: str) -> None:
    session = await do(make_session)
    await do(write, session, 5)
    headers, query = await do(login, user), ""
    if how != "query":
        headers["Last_Event_ID"] = "4"
    if how != "header":
        query = "?lastEventId=4" if how == "query" else "?lastEventId=1"
    async with get(web.stream(session, query), **headers) as got:
        assert [m.id for m in await got.take(2)] == [5, 6]


async def test_the_stream_ends_with_the_session_and_then_says_204(web, login, user, make_session, set_status) -> None:
    """SS7"""
    session, headers = await do(make_session), await do(login, user)
    async with get(web.stream(session), **headers) as got:
        await got.take(1)
        await do(set_status, session, "completed")
        assert [m.type for m in await got.rest()] == ["session_completed"]
    async with get(web.stream(session, "?lastEventId=2"), **headers) as got:
        assert got.status == 204


@pytest.mark.parametrize("status", ["completed", "failed", "killed"])
async def test_an_ended_session_streams_its_whole_history(web, login, user, make_session, set_status, status) -> None:
    """SS7"""
    session = await do(make_session)
    await do(set_status, session, status)
    async with get(web.stream(session), **await do(login, user)) as got:
        assert got.status == 200
        assert [m.id for m in await got.rest()] == [1, 2]


async def test_a_failure_that_was_retried_does_not_end_the_stream(
    web, login, user, make_session, set_status, write
) -> None:
    """SS7: only a terminal event at the head ends it, not one in the middle of the history."""
    session, headers = await do(make_session), await do(login, user)
    await do(set_status, session, "failed")
    await do(set_status, session, "queued", data={"reason": "retried"})
    async with get(web.stream(session), **headers) as got:
        types = [m.type for m in await got.take(3)]
        assert types == ["session_created", "session_failed", "session_queued"]
        await do(write, session)
        assert (await got.take(1))[0].id == 4
    async with get(web.stream(session, "?lastEventId=2&tab=b"), **headers) as got:
        assert [m.id for m in await got.take(2)] == [3, 4]


@pytest.mark.parametrize("bad", ["x", "-1", "1.5", "1 2", "٣", "9" * 19, "session-1:4", "0x10"])
async def test_a_malformed_id_is_refused_with_a_code(web, login, user, make_session, bad: str) -> None:
    from urllib.parse import quote

    session = await do(make_session)
    async with get(web.stream(session, f"?lastEventId={quote(bad)}"), **await do(login, user)) as got:
        assert got.status == 400
        assert got.headers["content-type"] == "application/problem+json"
        assert (await got.body())["code"] == "malformed_event_id"


async def test_an_anonymous_caller_is_asked_to_sign_in(web, make_session) -> None:
    """SS8"""
    session = await do(make_session)
    async with get(web.stream(session)) as got:
        assert (got.status, (await got.body())["code"]) == (401, "not_authenticated")
        assert got.headers["www-authenticate"] == "Token"


async def test_somebody_else_s_session_does_not_exist(web, login, user, make_session, add_user) -> None:
    """SS8"""
    session = await do(make_session)
    other = await do(add_user)
    for target in (session.pk, uuid4()):
        async with get(web.stream(target), **await do(login, other)) as got:
            assert (got.status, (await got.body())["code"]) == (404, "not_found")


async def test_staff_with_the_permission_may_listen(web, login, staff, make_session) -> None:
    """SS8"""
    session = await do(make_session)
    async with get(web.stream(session), **await do(login, staff)) as got:
        assert [m.id for m in await got.take(1)] == [1]


async def test_an_api_token_opens_the_stream(web, user, make_session) -> None:
    session, token = await do(make_session), await do(Token.objects.create, user=user)
    async with get(web.stream(session), Authorization=f"Token {token.key}") as got:
        assert [m.id for m in await got.take(1)] == [1]
    async with get(web.stream(session), Authorization="Token wrong") as got:
        assert (got.status, (await got.body())["code"]) == (401, "invalid_token")


async def test_events_pruned_from_the_history_are_announced_as_a_gap(web, login, user, make_session, write) -> None:
    """SS3"""
    session = await do(make_session)
    await do(write, session, 9)
    await do(session.events.filter(sequence__lte=6).delete)
    async with get(web.stream(session, "?lastEventId=2"), **await do(login, user)) as got:
        gap, *rest = await got.take(5)
    assert (gap.type, gap.id) == ("gap_detected", 6)
    assert gap.data == {"expected_seq": 3, "actual_seq": 7, "missed_count": 4}
    assert [m.id for m in rest] == [7, 8, 9, 10]


async def test_a_hole_inside_the_history_is_announced_where_it_is(web, login, user, make_session, write) -> None:
    """SS3"""
    session = await do(make_session)
    await do(write, session, 9)
    await do(session.events.filter(sequence__in=[4, 5, 8]).delete)
    async with get(web.stream(session), **await do(login, user)) as got:
        found = [(m.type == "gap_detected", m.id) for m in await got.take(9)]
    assert found == [(False, n) for n in (1, 2, 3)] + [(True, 5), (False, 6), (False, 7), (True, 8)] + [
        (False, 9),
        (False, 10),
    ]


async def test_a_history_that_is_gone_altogether_is_one_gap(web, login, user, make_session, write) -> None:
    """SS3"""
    session = await do(make_session)
    await do(write, session, 4)
    await do(session.events.all().delete)
    async with get(web.stream(session), **await do(login, user)) as got:
        [gap] = await got.take(1)
        assert gap.data == {"expected_seq": 1, "actual_seq": 6, "missed_count": 5}
        await do(write, session)
        assert (await got.take(1))[0].id == 6


async def test_an_id_from_the_future_is_a_gap_back_to_the_head(web, login, user, make_session, write) -> None:
    """SS3: the server lost its tail, or the client made the id up."""
    session = await do(make_session)
    async with get(web.stream(session, "?lastEventId=40"), **await do(login, user)) as got:
        [gap] = await got.take(1)
        assert (gap.id, gap.data) == (1, {"expected_seq": 41, "actual_seq": 2, "missed_count": 0})
        await do(write, session)
        assert (await got.take(1))[0].id == 2


async def test_an_ended_session_answers_an_id_from_the_future_and_ends(
    web, login, user, make_session, set_status
) -> None:
    session = await do(make_session)
    await do(set_status, session, "killed")
    async with get(web.stream(session, "?lastEventId=40"), **await do(login, user)) as got:
        assert [(m.type, m.id) for m in await got.rest()] == [("gap_detected", 2)]


async def test_a_tail_lost_under_an_open_stream_is_a_gap(web, login, user, make_session, write) -> None:
    """SS3: as after a fail-over to a replica that was behind."""
    session = await do(make_session)
    await do(write, session, 4)

    def lose() -> None:
        session.events.filter(sequence__gt=3).delete()
        type(session).objects.filter(pk=session.pk).update(last_sequence=3)

    async with get(web.stream(session), **await do(login, user)) as got:
        await got.take(5)
        await do(lose)
        web.loop.call_soon_threadsafe(web.hub.look_at_everything)
        [gap] = await got.take(1)
        assert (gap.type, gap.id) == ("gap_detected", 3)
        await do(write, session)
        assert (await got.take(1))[0].id == 4


@override_settings(STREAM_KEEPALIVE_SECONDS=0.3)
async def test_an_idle_stream_is_kept_alive_by_comments(login, user, make_session) -> None:
    """SS4"""
    session = await do(make_session)
    with serving() as web:
        async with get(web.stream(session), **await do(login, user)) as got:
            started = asyncio.get_running_loop().time()
            async with asyncio.timeout(5):
                async for block in got.blocks():
                    if block == ": keepalive":
                        break
            assert 0.25 < asyncio.get_running_loop().time() - started < 2


@pytest.mark.slow
async def test_keepalives_come_after_15_and_30_seconds_of_silence(web, login, user, make_session) -> None:
    """SS4: with the settings that are delivered, on both kinds of stream."""
    session, headers = await do(make_session), await do(login, user)
    clock = asyncio.get_running_loop().time

    async def listen(url: str) -> list[float]:
        async with get(url, **headers) as got, asyncio.timeout(60):
            began, came = clock(), list[float]()
            async for block in got.blocks():
                if block == ": keepalive":
                    came.append(clock() - began)
                else:
                    began, came = clock(), []  # the greeting and what the session has to tell: no silence yet
                if len(came) == 2:
                    break
        return came

    for first, second in await asyncio.gather(listen(web.stream(session)), listen(f"{web.url}/api/v1/sessions/stream")):
        print("keepalives after", round(first, 2), round(second, 2))
        assert 14 < first < 20
        assert 14 < second - first < 20


async def test_rapid_reconnects_are_held_off_for_ever_longer(web, login, user, make_session) -> None:
    """SS5"""
    session, headers = await do(make_session), await do(login, user)
    answers = []
    for _ in range(11):
        async with get(web.stream(session), **headers) as got:
            answers.append((got.status, got.headers.get("retry-after")))
    assert answers == [(200, None)] * 4 + [(429, str(n)) for n in (2, 4, 8, 16, 32, 60, 60)]


async def test_a_probe_tells_the_status_and_counts_as_no_connection(web, login, user, make_session) -> None:
    """SS5"""
    session, headers = await do(make_session), await do(login, user)
    for _ in range(8):
        async with get(web.stream(session, "?probe=1"), **headers) as got:
            assert got.status == 200
    for _ in range(5):
        async with get(web.stream(session), **headers) as got:
            pass
    assert got.status == 429
    async with get(web.stream(session, "?probe=1"), **headers) as got:
        assert (got.status, got.headers["retry-after"]) == (429, "2")


async def test_one_tab_s_back_off_is_not_another_s(web, login, user, make_session) -> None:
    session, headers = await do(make_session), await do(login, user)
    for _ in range(5):
        async with get(web.stream(session, "?tab=a"), **headers) as got:
            pass
    assert got.status == 429
    async with get(web.stream(session, "?tab=b"), **headers) as got:
        assert got.status == 200


async def test_the_stream_is_never_compressed_nor_buffered_nor_cached(web, login, user, make_session) -> None:
    session, headers = await do(make_session), await do(login, user)
    async with get(web.stream(session), Accept_Encoding="gzip", **headers) as got:
        assert got.headers["content-encoding"] == "identity"
        assert got.headers["cache-control"] == "no-cache"
        assert got.headers["x-accel-buffering"] == "no"


async def test_other_methods_are_refused(rf) -> None:
    response = await stream(rf.post("/"), uuid4())
    assert (response.status_code, response["Allow"]) == (405, "GET")


async def test_a_hole_longer_than_a_page_is_one_gap(web, login, user, make_session, write) -> None:
    """SS3"""
    session = await do(make_session)
    await do(write, session, 1500)
    await do(session.events.filter(sequence__gt=2, sequence__lte=1400).delete)
    async with get(web.stream(session), **await do(login, user)) as got:
        found = [(m.type == "gap_detected", m.id) for m in await got.take(4)]
    assert found == [(False, 1), (False, 2), (True, 1400), (False, 1401)]
