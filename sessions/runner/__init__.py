"""Drives sessions: claims them with a lease, walks their graph, says how it ended.

``drive_session`` carries one session to its end in this process; ``run`` is what a worker's task does.
"""

from sessions.runner.foreground import drive_session
from sessions.runner.loop import run

__all__ = ["drive_session", "run"]
