"""Whom to turn away when there are more requests than connections (DB3). Pure: the middleware measures and answers.

Order in which requests are turned away: new work first; pages and reads of what already runs, and its controls, when
those that wait would fill the pool once more or wait too long; health, metrics and the staff's pages never.
"""

import re
from dataclasses import dataclass
from enum import IntEnum


class Pressure(IntEnum):
    NONE = 0
    #: The pool is as good as full.
    TIGHT = 1
    #: More wait than the pool holds, or somebody waits for too long.
    FULL = 2


class Rank(IntEnum):
    """What a request is worth under pressure: it is turned away when the pressure is greater than its rank."""

    NEW_WORK = 0
    RUNNING = 1
    NEVER = 2


@dataclass(frozen=True, slots=True)
class Bounds:
    """``utilisation`` is demand over pool size; ``wait`` in seconds."""

    utilisation: float = 0.95
    wait: float = 1.0


_NEVER = re.compile(r"/(health/|metrics$|static/|admin/)")
_RUNNING = re.compile(r"/(api/v1/)?sessions/[0-9a-f-]{36}/")


def rank(method: str, path: str) -> Rank:
    """A request's rank by what it asks for. Starting a session is new work; stopping one is not."""
    if _NEVER.match(path):
        return Rank.NEVER
    if _RUNNING.match(path) and not path.rstrip("/").endswith(("/start", "/retry", "/resume")):
        return Rank.RUNNING
    return Rank.NEW_WORK


def pressure(in_use: int, waiting: int, size: int, longest_wait: float, bounds: Bounds) -> Pressure:
    """``size`` is the pool's; ``in_use`` and ``waiting`` count connections and requests at this moment."""
    if waiting >= size or longest_wait > bounds.wait:
        return Pressure.FULL
    if (in_use + waiting) / size >= bounds.utilisation:
        return Pressure.TIGHT
    return Pressure.NONE


def turned_away(rank: Rank, pressure: Pressure) -> bool:
    return pressure > rank
