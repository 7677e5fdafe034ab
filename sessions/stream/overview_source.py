"""What the stream of many sessions sends to one client."""

import asyncio
from typing import Any

from sessions.stream import frames, metrics
from sessions.stream.feed import State
from sessions.stream.overview import EVERYBODY, Overview, Scan, Scope
from sessions.stream.source import PATIENCE, Now
from sessions.stream.subscription import Subscription


class OverviewSource:
    """``owner``: whose sessions, or ``EVERYBODY``. ``last``: the horizon that the client resumes from, 0 for one that
    has just come."""

    def __init__(self, overview: Overview, subscription: Subscription, owner: Any, last: int) -> None:
        self._overview, self._subscription, self._owner, self._last = overview, subscription, owner, last
        self._scope: Scope | None = None
        self._tick = 0
        self._owing = 0  # the tick of what was told and is not yet covered by an id
        self._told: dict[str, int] = {}  # what the table said on coming, and the feed may say again
        self._shown: Scan | None = None

    async def more(self) -> bytes | Now:
        scope, feed = self._scope, self._overview.feed
        if scope is None:
            return await self._open()
        states = feed.after(self._tick, None if scope.key == EVERYBODY else scope.key)
        if states is None:
            self.close()
            return await self._open()
        self._tick = feed.tick
        out = self._encode(states)
        if out:
            self._owing = feed.tick
        scan = scope.scan
        if scan is None or scan is self._shown or self._shown is None:
            return out or Now.WAIT
        if self._owing or scan.by_status != self._shown.by_status:
            out += scan.message()
            self._last = scan.horizon
        if scope.tick >= self._owing:
            self._owing = 0
        self._shown = scan
        self._told.clear()
        return out or Now.WAIT

    def close(self) -> None:
        """Leave the scope."""
        if self._scope is not None:
            self._overview.leave(self._scope, self._subscription)
            self._scope = None

    async def _open(self) -> bytes:
        """The first look: register, then read the table, so that nothing falls between the two."""
        scope = self._overview.join(self._subscription, self._owner)
        tick = self._overview.feed.tick
        try:
            async with asyncio.timeout(PATIENCE):
                scan = await self._overview.look(self._owner, self._last or Overview.NOTHING)
        except BaseException:
            self._overview.leave(scope, self._subscription)
            raise
        self._overview.begin(scope, scan, tick)
        self._scope, self._tick, self._shown, self._owing = scope, tick, scan, 0
        self._told = {state.session_id: state.sequence for state in scan.states}
        reason = "unknown_id" if self._last > scan.horizon else "too_many" if scan.cut else ""
        self._last = scan.horizon
        if reason:
            metrics.GAPS.inc()
            return frames.event("reload", {"reason": reason}) + scan.message()
        metrics.SENT.inc(len(scan.states))
        return b"".join(state.body for state in scan.states) + scan.message()

    def _encode(self, states: list[State]) -> bytes:
        fresh = [state.body for state in states if self._told.get(state.session_id) != state.sequence]
        metrics.SENT.inc(len(fresh))
        return b"".join(fresh)
