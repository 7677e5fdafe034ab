"""django-eventstream's own view and functions work on our table, as its users would expect."""

from typing import Any
from uuid import uuid4

import django_eventstream
import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.asgi import get_asgi_application
from django.test import override_settings
from django.urls import include, path
from django_eventstream.channelmanager import DefaultChannelManager
from django_eventstream.storage import EventDoesNotExist
from django_eventstream.utils import get_channelmanager, get_storage

from sessions.stream.eventstream import channel_of
from tests.stream.client import get
from tests.stream.conftest import do
from tests.stream.web import serving

pytestmark = pytest.mark.django_db(transaction=True)

urlpatterns = [path("framework/<uuid:pk>/", include("django_eventstream.urls"))]


async def test_its_view_replays_our_history_to_the_owner_and_to_nobody_else(
    login, user, add_user, make_session, write
) -> None:
    """SS8"""
    session, stranger = await do(make_session), await do(add_user)
    await do(write, session, 4)
    with override_settings(ROOT_URLCONF=__name__), serving(get_asgi_application()) as web:
        url = f"{web.url}/framework/{session.pk}/"
        async with get(url, Last_Event_ID=f"{channel_of(session.pk)}:2", **await do(login, user)) as got:
            found: list[Any] = []
            async for block in got.blocks():
                fields = dict(line.partition(": ")[::2] for line in block.split("\n"))
                if fields.get("event") == "interjection":
                    found.append((fields["id"], fields["data"]))
                if len(found) == 3:
                    break
        told = [f'{{"text": "Think of the families. {n}"}}' for n in (1, 2, 3)]
        assert found == [(f"{channel_of(session.pk)}:{n}", text) for n, text in zip((3, 4, 5), told, strict=True)]
        async with get(url, **await do(login, stranger)) as got:
            [block] = [block async for block in got.blocks()]
        assert "forbidden" in block


def test_its_storage_reads_a_bounded_part_and_knows_the_newest_id(make_session, write) -> None:
    session, storage = make_session(), get_storage()
    head = write(session, 6)
    channel = channel_of(session.pk)
    assert storage.get_current_id(channel) == head == 7
    assert [event.id for event in storage.get_events(channel, 2, limit=3)] == [3, 4, 5]
    assert storage.get_events(channel, 7) == []
    assert django_eventstream.get_current_event_id([channel]) == f"{channel}:7"


@pytest.mark.parametrize("last", [1, 40])
def test_its_storage_says_where_history_is_missing(make_session, write, last: int) -> None:
    """SS3"""
    session = make_session()
    write(session, 6)
    session.events.filter(sequence__lte=3).delete()
    with pytest.raises(EventDoesNotExist) as error:
        get_storage().get_events(channel_of(session.pk), last)
    assert error.value.current_id == 7


def test_its_channels_are_readable_by_whom_a_session_is_visible_to(make_session, user, staff, add_user) -> None:
    """SS8"""
    manager, channel = get_channelmanager(), channel_of(make_session().pk)
    assert isinstance(manager, DefaultChannelManager)
    allowed = {who.pk: manager.can_read_channel(who, channel) for who in (user, staff, add_user())}
    assert list(allowed.values()) == [True, True, False]
    assert not manager.can_read_channel(AnonymousUser(), channel)
    assert not manager.can_read_channel(None, channel)
    assert not manager.can_read_channel(user, channel_of(uuid4()))
    with pytest.raises(ValueError, match="no session's channel"):
        manager.can_read_channel(user, "somebody")
