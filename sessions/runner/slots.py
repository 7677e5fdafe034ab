"""How many runners a host may have: each holds a slot under a lease, so a task delivered twice runs once."""

from django.conf import settings
from django.db import connection

from sessions.runner import identity
from sessions.runner.lease import expire_dead

_TAKE = """
INSERT INTO board_runnerslot (host, number, owner, lease_until, started_at, sessions, capacity, commit_delay_ms)
VALUES (%s, %s, %s, clock_timestamp() + %s * interval '1 second', clock_timestamp(), 0, %s, 0)
ON CONFLICT (host, number) DO UPDATE SET owner = excluded.owner, lease_until = excluded.lease_until,
    started_at = excluded.started_at, sessions = 0, capacity = excluded.capacity, commit_delay_ms = 0
WHERE board_runnerslot.lease_until < clock_timestamp()
RETURNING number
"""


def take(owner: str) -> int | None:
    """Take a free slot of this host; None when all are held."""
    expire_dead()
    with connection.cursor() as cursor:
        for number in range(1, settings.RUNNER_SLOTS + 1):
            cursor.execute(_TAKE, [identity.host(), number, owner, settings.LEASE_SECONDS, settings.RUNNER_CAPACITY])
            if cursor.fetchone():
                return number
    return None


def give_back(owner: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM board_runnerslot WHERE owner = %s", [owner])


def awake_here() -> int:
    """How many live runners this host has."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM board_runnerslot WHERE host = %s AND lease_until >= now()", [identity.host()]
        )
        row = cursor.fetchone()
    return int(row[0]) if row else 0
