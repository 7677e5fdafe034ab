"""Our places in django-eventstream: where its events are stored, who may read a channel, how its listeners are woken.

Stock django-eventstream queues payloads to listeners before the commit, and holds a thread and a database connection
for every idle stream. So it stays the framework (channels, listeners, kick, encoder, headers), and payloads always
come from the event table; docs/streaming.md says what was measured.
"""

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast
from uuid import UUID

from django.db import transaction
from django_eventstream import views as framework
from django_eventstream.channelmanager import DefaultChannelManager
from django_eventstream.event import Event as FrameworkEvent
from django_eventstream.storage import EventDoesNotExist, StorageBase

from sessions import events
from sessions.models import Event, Session
from sessions.stream import access
from sessions.stream.subscription import Subscription

_PREFIX = "session-"


def channel_of(session_id: UUID | str) -> str:
    """The framework's channel name of a session."""
    return f"{_PREFIX}{session_id}"


def session_of(channel: str) -> str:
    """The session's id in a channel name. Raises ``ValueError`` for a channel that is not a session's."""
    if not channel.startswith(_PREFIX):
        raise ValueError(f"{channel!r} is no session's channel")
    return str(UUID(channel.removeprefix(_PREFIX)))


class EventTableStorage(StorageBase):
    """``EVENTSTREAM_STORAGE_CLASS``: the framework's view of ``board_event``. Payloads stay JSON text."""

    def append_event(self, channel: str, event_type: str, data: Any) -> FrameworkEvent:
        payload = json.loads(data) if isinstance(data, str) else data
        sequence = events.append(session_of(channel), [events.Draft(event_type, payload)])
        return FrameworkEvent(channel, event_type, data, id=sequence)

    def get_events(self, channel: str, last_id: int, limit: int = 100) -> list[FrameworkEvent]:
        session_id = session_of(channel)
        with transaction.atomic():
            head = self.get_current_id(channel)
            rows = Event.objects.filter(session_id=session_id, sequence__gt=last_id).order_by("sequence")
            found = [(row.sequence, row.type, row.data) for row in rows[:limit]]
        expected = found[0][0] if found else head + 1
        if expected != last_id + 1:
            raise EventDoesNotExist(f"No event {last_id + 1}", head)  # type: ignore[no-untyped-call]
        return [
            FrameworkEvent(channel, type_, cast(Any, json.dumps(data)), id=sequence) for sequence, type_, data in found
        ]

    def get_current_id(self, channel: str) -> int:
        head = Session.objects.filter(pk=session_of(channel)).values_list("last_sequence", flat=True).first()
        return head or 0


class SessionChannels(DefaultChannelManager):
    """``EVENTSTREAM_CHANNELMANAGER_CLASS``: who may read a session's channel."""

    def get_channels_for_request(self, request: Any, view_kwargs: dict[str, Any]) -> set[str]:
        return {channel_of(view_kwargs["pk"])}

    def can_read_channel(self, user: Any, channel: str) -> bool:
        return user is not None and Session.objects.visible_to(user).filter(pk=session_of(channel)).exists()

    def is_channel_reliable(self, channel: str) -> bool:
        return True


class DoorbellManager(framework.ListenerManager):
    """Never carries a payload. ``send_event`` reaches streams through the table and its doorbell, after the commit."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.listeners_by_channel: dict[str, set[Any]] = {}
        self.redis_listener = None  # what the hub hears is enough; the framework's own goes deaf after a restart
        self.redis_listener_started = False

    def add_to_queues(self, channel: str, event: FrameworkEvent) -> None:
        """Nothing: the caller's transaction may still be open, and its commit rings by itself."""

    def kick(self, user_id: Any, channel: str) -> None:
        """End this user's streams of the channel in this process, and have the other processes look."""
        super().kick(user_id, channel)  # type: ignore[no-untyped-call]
        access.announce(user_id)


class Ear(framework.Listener):
    """A framework listener that hands a kick on to its subscription."""

    def __init__(self, subscription: Subscription) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._subscription = subscription
        self.aevent = subscription.wake
        self.user_id = subscription.reader.user_id
        self.channels = {subscription.topic}
        self._loop = asyncio.get_running_loop()

    def wake_threadsafe(self) -> None:
        self._loop.call_soon_threadsafe(self._subscription.end, "forbidden")


@contextmanager
def listening(subscription: Subscription) -> Iterator[None]:
    """The framework knows of the listener inside the ``with``."""
    ear, manager = Ear(subscription), framework.listener_manager
    manager.add_listener(ear)  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        manager.remove_listener(ear)  # type: ignore[no-untyped-call]


def install() -> None:
    """Put our listener manager in place of the framework's (a private name: the version is pinned, and tested), and
    hear of changed rights."""
    if not isinstance(framework.listener_manager, DoorbellManager):
        framework.listener_manager = DoorbellManager()
    access.connect()
    logging.getLogger("django_eventstream.views").setLevel(logging.WARNING)  # two lines a stream otherwise
