"""One open stream as the hub sees it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from sessions.stream.credentials import Reader, exists, may_still_oversee, may_still_read
from sessions.stream.direct import Writer


@dataclass(eq=False, slots=True)
class Subscription:
    """``session_id`` is empty for a stream of many sessions (``sessions.stream.overview``).
    ``wake`` is set when there may be news. ``ending``: why the stream must end, empty while it may go on.
    ``writing_since``: loop time since when the client has not taken what we wrote, or ``None``.
    ``quiet``: loop time since when nothing was sent. ``waiting``: the client has everything, and the stream sleeps.
    ``abort``: drops the connection without asking the client; ``writer``: its connection (the server adapter sets both
    where it can). ``push``: hands news to ``writer`` and returns how many events that were, 0 when they have to go the
    usual way.
    ``live``: whether the client wants passing words; ``words_due``: whether there may be some for it."""

    session_id: str
    reader: Reader
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    ending: str = ""
    writing_since: float | None = None
    quiet: float = 0.0
    waiting: bool = False
    abort: Callable[[], None] | None = None
    writer: Writer | None = None
    push: Callable[[], int] | None = None
    live: bool = False
    words_due: bool = field(init=False)

    def __post_init__(self) -> None:
        self.words_due = self.live  # somebody may be in the middle of a sentence

    @property
    def topic(self) -> str:
        """What is read, for the framework's channel name and for telling the questions of rights apart."""
        return f"session-{self.session_id}"

    def why_not(self) -> str:
        """Why the credential would not open the stream again; empty if it would. For a thread: asks the database."""
        session_id = UUID(self.session_id)
        if may_still_read(self.reader, session_id):
            return ""
        return "forbidden" if exists(session_id) else "gone"

    def end(self, reason: str) -> None:
        """Have the stream end as soon as it can write; the first reason stays."""
        self.ending = self.ending or reason
        self.wake.set()


@dataclass(eq=False, slots=True)
class Overseeing(Subscription):
    """A stream of many sessions: the reader's own, or ``everybody``'s."""

    everybody: bool = False

    @property
    def topic(self) -> str:
        return "everybody" if self.everybody else "mine"

    def why_not(self) -> str:
        return "" if may_still_oversee(self.reader, everybody=self.everybody) else "forbidden"
