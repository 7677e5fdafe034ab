"""What a process knows of sessions that changed, newest last: a pure state machine, no I/O, no clock.

A change is a state, not an event: a session that changed twice is told once, as it is now. Readers number what they
have seen by ``tick``, which counts in this process alone.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

#: Sessions remembered; a reader that is further behind asks the table.
REMEMBERED = 2000


class State(NamedTuple):
    """A session as the table showed it. ``body``: its encoded message."""

    session_id: str
    owner: str
    sequence: int
    body: bytes


class Feed:
    """``settle`` takes what the table said, ``after`` gives what a reader lacks."""

    def __init__(self) -> None:
        self.tick = self.floor = 0
        self._latest: OrderedDict[str, tuple[int, State]] = OrderedDict()

    def settle(self, states: Iterable[State]) -> set[str]:
        """Take in rows of one statement; the owners for whom something is new."""
        owners = set()
        for state in states:
            known = self._latest.get(state.session_id)
            if known is not None and known[1].sequence == state.sequence:
                continue
            self.tick += 1
            self._latest[state.session_id] = self.tick, state
            self._latest.move_to_end(state.session_id)
            owners.add(state.owner)
        while len(self._latest) > REMEMBERED:
            _, (self.floor, _) = self._latest.popitem(last=False)
        return owners

    def after(self, tick: int, owner: str | None) -> list[State] | None:
        """The states above ``tick`` of one owner's sessions (``None``: of all), oldest first; ``None`` when some of
        them are forgotten already."""
        if tick < self.floor:
            return None
        found = []
        for number, state in reversed(self._latest.values()):
            if number <= tick:
                break
            if owner is None or state.owner == owner:
                found.append(state)
        return found[::-1]

    def forget(self) -> None:
        """Send every reader to the table."""
        self._latest.clear()
        self.tick += 1
        self.floor = self.tick
