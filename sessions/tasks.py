"""What the queue runs. Thin, and no task carries more than ids."""

from sessions import runner
from sessions.services import retention
from sessions.services import watch as watchdogs


def run() -> str:
    """See to it that whatever is in line is driven. Delivered twice or too often, it does no harm."""
    return runner.run()


def watch() -> dict[str, int]:
    """Look after sessions that nobody looks after."""
    return watchdogs.sweep()


def retain() -> dict[str, int]:
    """Drop what has been kept for long enough."""
    return retention.retain()
