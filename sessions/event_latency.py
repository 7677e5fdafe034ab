"""How long writing events takes, and the alarm for the one bad pair: Redis down and PostgreSQL slow (RD4)."""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Iterator

from prometheus_client import Gauge, Histogram

from bo1site.resilience import redis

#: Writing events is slow when one in ten of the newest writes took longer than this many seconds.
SLOW, WINDOW = 0.25, 60.0

WRITE = Histogram(
    "board_event_write_seconds",
    "Time of the statement that writes events",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
BOTH = Gauge(
    "board_redis_down_and_events_slow",
    "1 while Redis is configured and down, and this process writes events slowly",
    multiprocess_mode="livemax",
)

_lock = threading.Lock()
_recent: deque[tuple[float, float]] = deque(maxlen=500)


@contextlib.contextmanager
def measured() -> Iterator[None]:
    began = time.monotonic()
    try:
        yield
    finally:
        note(time.monotonic() - began)


def note(seconds: float) -> None:
    WRITE.observe(seconds)
    with _lock:
        _recent.append((time.monotonic(), seconds))
    look()


def look() -> None:
    """Set the alarm to what is true now. Also called when Redis was tried, or it would ring on in a process at rest."""
    BOTH.set(int(redis.is_down() and is_slow()))


redis.on_tried(look)


def is_slow() -> bool:
    since = time.monotonic() - WINDOW
    with _lock:
        recent = [seconds for at, seconds in _recent if at >= since]
    return sum(seconds > SLOW for seconds in recent) * 10 > len(recent)
