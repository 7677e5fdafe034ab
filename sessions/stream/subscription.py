"""One open stream as the hub sees it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from sessions.stream.credentials import Reader


@dataclass(eq=False, slots=True)
class Subscription:
    """``wake`` is set when there may be news. ``ending``: why the stream must end, empty while it may go on.
    ``writing_since``: loop time since when the client has not taken what we wrote, or ``None``.
    ``abort``: drops the connection without asking the client (set by the server adapter)."""

    session_id: str
    reader: Reader
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    ending: str = ""
    writing_since: float | None = None
    abort: Callable[[], None] | None = None

    @property
    def session(self) -> UUID:
        return UUID(self.session_id)

    def end(self, reason: str) -> None:
        """Have the stream end as soon as it can write; the first reason stays."""
        self.ending = self.ending or reason
        self.wake.set()
