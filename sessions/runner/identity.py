"""The name under which a runner holds its leases: which host, which process, which run of it."""

import os
import uuid
from pathlib import Path

from django.conf import settings


def host() -> str:
    """This machine or container: its name, and on Linux its process namespace, in which process ids mean something."""
    try:
        namespace = str(os.stat("/proc/self/ns/pid").st_ino)
    except OSError:
        namespace = "0"
    return f"{settings.HOST[:50]}/{namespace}"


def owner() -> str:
    """A name that no other run has, of this process or of any other: ``host:pid:token``."""
    return f"{host()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


def of_process(pid: int) -> str:
    """What the names of all runs of one process on this host begin with."""
    return f"{host()}:{pid}:"


def is_dead(name: str) -> bool:
    """Whether ``name`` is a run of this host whose process is gone. False when that cannot be told."""
    place, _, rest = name.partition(":")
    pid = rest.partition(":")[0]
    if place != host() or not pid.isdigit():
        return False
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return Path("/proc/self").exists()
    except (OSError, IndexError):
        return False
    return state in ("Z", "X")
