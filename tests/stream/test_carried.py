"""SS1, SS2: what a doorbell carries spares a look at the table, and changes nothing of what a client is sent."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from django.db import connection, transaction

from sessions import events
from sessions.events import CARRIED, Draft
from sessions.stream.frames import carried
from sessions.stream.ring import Channel, Frame
from tests.stream.client import Stream, get, until
from tests.stream.conftest import do

pytestmark = pytest.mark.django_db(transaction=True)


@asynccontextmanager
async def watching(web: Any, session: Any, headers: dict[str, str]) -> AsyncIterator[tuple[Stream, list[str]]]:
    """A client that has everything, and the statements that its web process has sent to the table since."""
    async with get(web.stream(session), **headers) as got:
        await got.take(1)
        channel = web.hub.channels[str(session.pk)]
        await until(lambda: channel.head and not channel.reading and web.hub.listening)
        asked: list[str] = []
        rows = web.hub.reads.rows

        async def noted(query: Any, params: Any) -> Any:
            asked.append(str(query))
            return await rows(query, params)

        web.hub.reads.rows = noted
        try:
            yield got, asked
        finally:
            web.hub.reads.rows = rows


def looks(asked: list[str]) -> int:
    """How often events were read."""
    return sum("board_event" in query for query in asked)


TEXTS = [
    "plain",
    'quoted "twice" and \\back\\slashed',
    "two\nlines\r\nand a tab\t",
    "Ärger, 会議, 👩‍👩‍👧",
    "",
    "id: 9\n\ndata: forged",
]


@pytest.mark.parametrize("text", TEXTS)
async def test_an_event_comes_as_it_was_written_without_a_look_at_the_table(
    web, login, user, make_session, text: str
) -> None:
    session, headers = await do(make_session), await do(login, user)
    async with watching(web, session, headers) as (got, asked):
        await do(events.append, session.pk, [Draft("interjection", {"text": text})])
        [live] = await got.take(1)
        assert looks(asked) == 0
    async with get(web.stream(session, "?lastEventId=1&tab=again"), **headers) as got:
        [stored] = await got.take(1)
    assert (live.id, live.type, live.data) == (2, "interjection", {"text": text})
    assert (live.id, live.type, live.data) == (stored.id, stored.type, stored.data)


async def test_events_of_one_statement_and_of_one_transaction_come_in_order(web, login, user, make_session) -> None:
    session, headers = await do(make_session), await do(login, user)

    def write() -> None:
        with transaction.atomic():
            events.append(session.pk, [Draft("interjection", {"text": f"{n}"}) for n in range(3)])
            events.append(session.pk, [Draft("interjection", {"text": "3"})])

    async with watching(web, session, headers) as (got, asked):
        await do(write)
        found = await got.take(4)
        assert looks(asked) == 0
    assert [(m.id, m.data["text"]) for m in found] == [(2, "0"), (3, "1"), (4, "2"), (5, "3")]


@pytest.mark.parametrize("text", ["x" * (CARRIED + 1), "é" * (CARRIED // 2 + 1), "\\" * (CARRIED // 2 + 1)])
async def test_what_is_too_long_to_be_carried_is_read(web, login, user, make_session, text: str) -> None:
    session, headers = await do(make_session), await do(login, user)
    async with watching(web, session, headers) as (got, asked):
        await do(events.append, session.pk, [Draft("interjection", {"text": text})])
        [found] = await got.take(1)
        assert looks(asked) == 1
    assert found.data == {"text": text}


async def test_the_longest_text_that_is_carried_is_no_byte_too_long(web, login, user, make_session) -> None:
    session, headers = await do(make_session), await do(login, user)
    text = "x" * (CARRIED - len('\ninterjection {"text": ""}'))
    async with watching(web, session, headers) as (got, asked):
        await do(events.append, session.pk, [Draft("interjection", {"text": text})])
        [found] = await got.take(1)
        assert looks(asked) == 0
    assert found.data == {"text": text}


async def test_the_end_of_a_session_is_read_with_its_row(web, login, user, make_session, set_status) -> None:
    """SS7"""
    session, headers = await do(make_session), await do(login, user)
    async with watching(web, session, headers) as (got, asked):
        await do(set_status, session, "completed")
        assert [m.type for m in await got.rest()] == ["session_completed"]
        assert looks(asked) == 1


async def test_what_does_not_follow_on_what_is_known_is_read(web, login, user, make_session, write) -> None:
    session, headers = await do(make_session), await do(login, user)
    async with watching(web, session, headers) as (got, asked):

        def unheard() -> None:
            """Two events whose doorbell does not ring."""
            with transaction.atomic():
                _insert(session, 2)
                _insert(session, 3)

        await do(unheard)
        await do(write, session)
        assert [m.id for m in await got.take(3)] == [2, 3, 4]
        assert looks(asked) == 1


def _insert(session: Any, sequence: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO board_event (session_id, sequence, type, data, key, checkpoint_id, created_at)"
            " VALUES (%s, %s, 'interjection', '{\"text\": \"t\"}', %s, '', now())",
            [session.pk, sequence, f"k{sequence}"],
        )
        cursor.execute("UPDATE board_session SET last_sequence = %s WHERE id = %s", [sequence, session.pk])


# -- the rules


def known(*, over: bool = False) -> Channel:
    channel = Channel("s")
    channel.settle(3, over, [Frame(n, b"%d" % n) for n in (1, 2, 3)])
    return channel


def test_what_follows_is_taken() -> None:
    channel = known()
    assert channel.hear(4, [b"4", b"5"])
    assert (channel.head, channel.after(3)) == (5, [Frame(4, b"4"), Frame(5, b"5")])


@pytest.mark.parametrize("first", [1, 3, 5])
def test_what_does_not_follow_is_not_taken(first: int) -> None:
    channel = known()
    assert not channel.hear(first, [b"x"])
    assert channel.head == 3


def test_nothing_is_taken_while_a_look_is_under_way() -> None:
    """Its answer knows less than the channel would, which is how a lost tail looks."""
    channel = known()
    channel.reading = True
    assert not channel.hear(4, [b"4"])
    assert channel.head == 3


def test_nothing_is_taken_by_a_channel_that_has_not_seen_the_table() -> None:
    assert not Channel("s").hear(1, [b"1"])


def test_nothing_is_taken_after_the_end_since_the_row_says_whether_it_still_is_one() -> None:
    assert not known(over=True).hear(4, [b"4"])


def test_a_frame_is_that_of_the_table() -> None:
    assert carried(b'interjection {"text": "a b"}', 7) == b'event: interjection\nid: 7\ndata: {"text": "a b"}\n\n'
