"""Named fault points: places in the product where a test may have the process die, fail or freeze.

They do nothing unless ``BO1_FAULT_DIR`` names a directory. A test then arms a point by writing a file there, named
like the point, with one word: ``kill`` (SIGKILL to this process), ``stop`` (SIGSTOP), ``fail`` (raise ``Fault``) or
``sleep SECONDS``; a second word for ``kill``, ``stop`` and ``fail`` is the number of passes to let by first. A point
fires once: whichever process takes the file away fires, also when many pass at the same time. Only ``always SUBJECT``
stays: it kills whoever passes with that subject (a session's id), as often as it comes.
"""

import os
import signal
import time
from pathlib import Path

_DIRECTORY = os.environ.get("BO1_FAULT_DIR", "")

#: Every point of the product, so that a chaos run can visit all of them.
POINTS = (
    "claim.before_commit",
    "claim.after_commit",
    "drive.begun",
    "heartbeat.before",
    "heartbeat.after",
    "llm.before",
    "llm.after",
    "saver.put.begun",
    "saver.put.written",
    "saver.put.before_commit",
    "saver.put.after_commit",
    "saver.put_writes.begun",
    "saver.put_writes.after_commit",
    "sink.before_end",
    "settle.before_commit",
    "settle.after_commit",
)


class Fault(Exception):
    """An armed point was told to fail."""


def point(name: str, subject: str = "") -> None:
    """Pass a fault point. Costs one comparison when no test is arming any."""
    if _DIRECTORY:
        _pass(Path(_DIRECTORY) / name, subject)


def arm(directory: Path, name: str, order: str = "kill") -> None:
    """Arm ``name``; for tests. Raises ``ValueError`` for a point that does not exist."""
    if name not in POINTS:
        raise ValueError(f"there is no fault point {name!r}")
    fresh = directory / f".{name}"
    fresh.write_text(order)
    fresh.rename(directory / name)


def _pass(armed: Path, subject: str) -> None:
    try:
        order = armed.read_text().split()
        if order[0] == "always":
            if order[1:] == [subject]:
                os.kill(os.getpid(), signal.SIGKILL)
            return
        if len(order) == 2 and order[0] != "sleep" and int(order[1]) > 0:
            arm(armed.parent, armed.name, f"{order[0]} {int(order[1]) - 1}")
            return
        armed.rename(armed.with_suffix(armed.suffix + ".fired"))
    except OSError:
        return  # not armed, or another process was quicker
    if order[0] == "sleep":
        time.sleep(float(order[1]))
    elif order[0] == "fail":
        raise Fault(armed.name)
    else:
        os.kill(os.getpid(), signal.SIGSTOP if order[0] == "stop" else signal.SIGKILL)
