"""What the stream counts about itself is what happened (MO1)."""

import asyncio
from contextlib import suppress

import pytest
from django.test import override_settings
from prometheus_client import REGISTRY

from tests.stream.client import connect, get, until
from tests.stream.conftest import do
from tests.stream.web import serving

pytestmark = pytest.mark.django_db(transaction=True)


def figure(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"board_stream_{name}", labels) or 0.0


async def test_events_sent_and_replayed_and_the_doorbell_s_lag_are_counted(
    web, login, user, make_session, write
) -> None:
    session, headers = await do(make_session), await do(login, user)
    await do(write, session, 699)
    sent, replayed, heard = figure("events_sent_total"), figure("events_replayed_total"), figure("lag_seconds_count")
    clients = figure("clients")
    streams = [await connect(web.stream(session, f"?tab={n}"), **headers) for n in range(2)]
    for got in streams:
        await got.take(700)
    assert figure("events_replayed_total") - replayed == 1400
    assert figure("clients") - clients == 2
    await until(lambda: [s.waiting for s in web.hub.subscriptions] == [True] * 2)
    await until(lambda: web.hub.listening)
    await do(write, session, 3)
    for got in streams:
        await got.take(3)
    assert figure("events_sent_total") - sent == 2 * 703
    assert figure("lag_seconds_count") - heard == 3  # once for everybody
    for got in streams:
        await got.close()
    await until(lambda: figure("clients") == clients)


async def test_a_gap_and_each_kind_of_refusal_are_counted(login, user, make_session, write) -> None:
    session, headers = await do(make_session), await do(login, user)
    await do(write, session, 4)
    await do(session.events.filter(sequence__lte=3).delete)
    gaps = figure("gaps_total")
    codes = ("too_many_reconnects", "too_many_streams", "streams_full")
    refused = {code: figure("refused_total", code=code) for code in codes}
    with serving() as web:
        async with get(web.stream(session), **headers) as got:
            await got.take(2)
        for _ in range(4):
            async with get(web.stream(session), **headers) as got:
                pass
        assert got.status == 429
    for setting in ("STREAM_PER_USER", "STREAM_PER_PROCESS"):
        with override_settings(**{setting: 1}), serving() as web:
            async with get(web.stream(session), **headers) as one, get(web.stream(session, "?tab=b"), **headers):
                await one.take(1)
    assert figure("gaps_total") > gaps
    assert {code: figure("refused_total", code=code) - refused[code] for code in codes} == dict.fromkeys(codes, 1)


@override_settings(STREAM_SLOW_SECONDS=0.5)
async def test_a_slow_client_that_was_closed_is_counted(login, user, make_session, write) -> None:
    session, headers, slow = await do(make_session), await do(login, user), figure("ended_total", reason="slow")
    for _ in range(20):
        await do(write, session, 50, "x" * 10_000)
    with serving() as web:
        lazy = await connect(web.stream(session), limit=1024, **headers)
        await until(lambda: figure("ended_total", reason="slow") == slow + 1, seconds=20)
        with suppress(OSError, asyncio.IncompleteReadError):
            await lazy.close()
