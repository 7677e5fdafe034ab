"""SS1, SS8: a process that is late leaves passing words out, never events, and tells them once it is on time again."""

import time
from typing import Any

import pytest
from django.db import connection

from sessions.speech import wire
from sessions.speech.wire import Words
from sessions.stream import chorus
from tests.stream.client import get, until
from tests.stream.conftest import do

pytestmark = pytest.mark.django_db(transaction=True)


def say(session: Any, text: str) -> None:
    """As a worker does."""
    words = Words(str(session.pk), "call", "persona", "skeptic", 1, text)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [wire.WORDS, wire.encode(words)])


async def test_words_are_left_out_while_the_loop_is_late_and_events_are_not(
    web, login, user, make_session, write
) -> None:
    session, headers = await do(make_session), await do(login, user)
    shed = chorus.metrics.WORDS_SHED._value.get
    async with get(web.stream(session, "?live=1"), **headers) as got:
        await got.take(1)
        await until(lambda: web.hub.listening)
        await do(say, session, "On time")
        [words] = await got.take(1)
        assert (words.type, words.id, words.data["text"]) == ("speaking", None, "On time")
        before, heard, stalled = shed(), web.hub.on_words, list[str]()

        def late(message: str) -> None:
            heard(message)
            stalled.append(message)
            web.loop.call_later(chorus.EVERY / 2, time.sleep, chorus.EVERY + 2 * chorus.LATE)

        web.hub.on_words = late
        await do(say, session, "On time, and then not")
        await until(lambda: stalled)
        web.hub.on_words = heard
        await do(write, session)
        event, words = await got.take(2)
    assert (event.type, event.id) == ("interjection", 2)
    assert (words.type, words.data["text"]) == ("speaking", ", and then not")
    assert shed() - before == 1
