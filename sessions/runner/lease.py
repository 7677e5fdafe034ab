"""Claiming sessions, renewing claims, expiring those of the dead. The database's clock decides, never ours.

A claim raises the session's fence. Whatever an earlier holder still tries to write is refused, in the transaction of
the write itself; so handing a session over too early costs a repeated call, and never a doubled row.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now

from bo1site.resilience import faults
from bo1site.resilience.database import retry_db
from sessions import doorbell, events
from sessions.models import Run, Session, Status
from sessions.runner import identity, metrics
from sessions.services.wake import QUEUE_CHANNEL
from sessions.transitions import transition

#: A session that was claimed so often without any progress kills its workers, and is taken out.
MOST_CLAIMS = 5
#: One that was claimed so often without progress is driven alone until it makes some, for the sake of the others.
SUSPECT = 2
#: Serialises claims, so that the number of running sessions is exact. Any constant will do.
_CLAIM_LOCK = 0x626F61726401


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to carry a session on, for as long as its fence is the session's."""

    session_id: UUID
    fence: int
    owner: str
    requested: str
    graph_version: int
    think_afresh: bool
    suspect: bool
    request: str = ""
    #: Nobody has driven it before, so there is nothing of it to be found.
    fresh: bool = False


_FREE = "(status = 'queued' OR (status = 'running' AND (lease_until IS NULL OR lease_until < now())))"
#: While suspects wait, one of them is all that a runner takes, and a busy one takes nothing.
_SUSPECTS = f"""suspects AS MATERIALIZED (
    SELECT EXISTS (SELECT 1 FROM board_session WHERE claims >= {SUSPECT} AND {_FREE}) AS wait
)"""  # noqa: S608  # constants
_ANY = f"(claims >= {SUSPECT}) = (SELECT wait FROM suspects)"  # noqa: S608  # a constant
_ANY_MOST = "(SELECT CASE WHEN NOT wait THEN %(most)s::int WHEN %(busy)s::bool THEN 0 ELSE 1 END FROM suspects)"
_NAMED, _NAMED_MOST = "id = ANY(%(only)s::uuid[])", "%(most)s::int"
_RUNG = events.rung("id", "last_sequence", "chr(10) || type || ' ' || data::text")
_PICK = f"""
WITH {{suspects}}, picked AS (
    SELECT id, status AS was, claims, started_at IS NULL AS fresh
    FROM board_session
    WHERE {{which}} AND {_FREE}
    ORDER BY status = 'running' DESC, queued_at NULLS FIRST, id
    LIMIT least({{most}}, (SELECT %(running)s::int - count(*)::int FROM board_session
                         WHERE status = 'running' AND lease_until >= now()))
    FOR NO KEY UPDATE SKIP LOCKED
), counted AS (
    SELECT picked.*, CASE WHEN EXISTS (SELECT 1 FROM llm_answer a WHERE a.session_id = picked.id AND a.created_at >
        (SELECT max(r.started_at) FROM board_run r WHERE r.session_id = picked.id)) THEN 1 ELSE claims + 1 END AS tries
    FROM picked
), taken AS (
    UPDATE board_session s SET status = 'running', fence = s.fence + 1, lease_owner = %(owner)s, claims = tries,
        lease_until = clock_timestamp() + %(lease)s * interval '1 second',
        started_at = coalesce(s.started_at, clock_timestamp()), progressed_at = clock_timestamp(),
        deadline = coalesce(s.deadline, clock_timestamp() + %(limit)s * interval '1 second'),
        last_sequence = s.last_sequence + (tries <= {MOST_CLAIMS})::int,
        changed = CASE WHEN tries <= {MOST_CLAIMS} THEN pg_current_xact_id()::text::bigint ELSE s.changed END
    FROM counted WHERE s.id = counted.id
    RETURNING s.id, s.fence, s.claims, s.phase, s.round, s.last_sequence, s.requested, s.graph_version, s.think_afresh,
        counted.was, counted.fresh,
        (SELECT data FROM board_event e WHERE e.session_id = s.id AND e.type = 'session_queued'
         ORDER BY e.sequence DESC LIMIT 1) AS queued,
        (SELECT max(checkpoint_id) FROM board_checkpoint c
         WHERE c.thread_id = s.id::text AND c.checkpoint_ns = '' AND NOT c.superseded) AS newest
), news AS (
    SELECT id, how, CASE WHEN fresh THEN 'session_started' ELSE 'session_resumed' END AS type,
        jsonb_build_object('worker', %(owner)s::text, 'fence', fence) || CASE WHEN fresh THEN '{{{{}}}}'
        ELSE jsonb_build_object('reason', how, 'phase', phase, 'round', round) END AS data
    FROM taken, LATERAL (SELECT CASE WHEN fresh THEN 'started' WHEN was = 'running' THEN 'taken_over'
        ELSE coalesce(nullif(queued ->> 'reason', ''), 'resumed') END AS how) AS reason
    WHERE claims <= {MOST_CLAIMS}
), told AS (
    INSERT INTO board_event (session_id, sequence, type, data, key, checkpoint_id, created_at)
    SELECT id, last_sequence, type, data, 'claim:' || fence, coalesce(newest, ''), clock_timestamp()
    FROM taken JOIN news USING (id)
), lost AS (
    UPDATE board_run r SET ended_at = now(), outcome = 'lost' FROM picked
    WHERE r.session_id = picked.id AND picked.was = 'running' AND r.ended_at IS NULL
), begun AS (
    INSERT INTO board_run (session_id, fence, worker, from_checkpoint, started_at, outcome, detail)
    SELECT id, fence, %(owner)s, coalesce(newest, ''), clock_timestamp(), '', '' FROM taken
)
SELECT id, fence, claims, last_sequence, requested, graph_version, think_afresh, fresh, newest, how,
    queued ->> 'request' AS request,
    CASE WHEN how IS NOT NULL THEN {_RUNG}::text END
FROM taken LEFT JOIN news USING (id)
"""  # noqa: S608  # constants
_PICK_ANY = _PICK.format(suspects=_SUSPECTS, which=_ANY, most=_ANY_MOST)
_PICK_NAMED = _PICK.format(suspects=_SUSPECTS, which=_NAMED, most=_NAMED_MOST)


def claim(owner: str, most: int, *, only: UUID | Collection[UUID] | None = None, busy: bool = False) -> list[Claim]:
    """Claim up to ``most`` sessions that wait in line or whose lease has run out, the latter first.

    Status, fence, run and event commit together. At most ``MOST_RUNNING`` sessions run in the whole cluster. While
    suspects wait, a ``busy`` runner takes nothing, and one that is not takes a single suspect. ``only`` names the
    sessions (or the one) that may be claimed.
    """
    named = None if only is None else [str(only)] if isinstance(only, UUID) else [str(key) for key in only]
    if most < 1 or named == []:
        return []
    with transaction.atomic():
        rows = _pick(
            _PICK_NAMED if named else _PICK_ANY,
            {
                "most": most,
                "busy": busy,
                "running": settings.MOST_RUNNING,
                "owner": owner,
                "lease": settings.LEASE_SECONDS,
                "limit": settings.SESSION_TIME_LIMIT,
                "only": named or [],
            },
        )
        if not rows:
            return []
        claims = [taken for row in rows if (taken := _taken(row, owner))]
        faults.point("claim.before_commit")
    faults.point("claim.after_commit")
    return claims


def _pick(statement: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a claim, by name. BEGIN, the lock of the claims and the statement, which has to look after it has the
    lock, travel together: whoever waits for a first word waits for each journey."""
    raw: Any = connection.connection
    with connection.wrap_database_errors, raw.pipeline():
        raw.execute("SELECT pg_advisory_xact_lock(%s)", [_CLAIM_LOCK])
        picked = raw.execute(statement, values)
        rows = picked.fetchall()
        names = [column.name for column in picked.description]
    return [dict(zip(names, row, strict=True)) for row in rows]


def _taken(row: dict[str, Any], owner: str) -> Claim | None:
    """The claim of a picked row; None for a session that keeps killing its workers."""
    if row["how"] is None:
        _poisoned(row)
        return None
    doorbell.ring_on_commit(str(row["id"]), row["last_sequence"])
    metrics.CLAIMS.labels(row["how"]).inc()
    return Claim(
        row["id"],
        row["fence"],
        owner,
        row["requested"],
        row["graph_version"],
        row["think_afresh"],
        row["claims"] > SUSPECT,
        str(row["request"] or ""),
        bool(row["fresh"]),
    )


def has_progressed(session_id: UUID) -> bool:
    """Whether a session has stored anything since it was claimed."""
    return Session.objects.filter(pk=session_id, claims=0).exists()


def _poisoned(row: dict[str, Any]) -> None:
    message = (
        f"{MOST_CLAIMS} workers in a row died while they carried this session on. It was taken out so that others are"
        " not harmed; a retry gives it another chance."
    )
    failure = {
        "code": "poison",
        "message": message,
        "recoverable": True,
        "node": "",
        "attempt": row["claims"] - 1,
    }
    transition(
        row["id"],
        Status.FAILED,
        data=failure,
        key=f"poison:{row['fence']}",
        fence=row["fence"],
        failure={**failure, "checkpoint": row["newest"] or ""},
    )
    Run.objects.filter(session_id=row["id"], fence=row["fence"]).update(
        ended_at=Now(), outcome="failed", detail="poison"
    )


RENEW = """
UPDATE board_session s SET lease_until = clock_timestamp() + %s * interval '1 second'
FROM unnest(%s::uuid[], %s::bigint[]) AS mine(id, fence)
WHERE s.id = mine.id AND s.fence = mine.fence AND s.status = 'running'
RETURNING s.id
"""


@retry_db(nested="join")
def expire(owners: Iterable[str]) -> int:
    """End the leases and slots of runs that are known to be dead, and wake whoever can take over; return how many."""
    names = list(owners)
    if not names:
        return 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE board_session SET lease_until = 'epoch' WHERE id IN (SELECT id FROM board_session"
            " WHERE status = 'running' AND lease_owner = ANY(%s) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)",
            [names],
        )
        count: int = cursor.rowcount
        cursor.execute("DELETE FROM board_runnerslot WHERE owner = ANY(%s)", [names])
        cursor.execute("SELECT pg_notify(%s, '')", [QUEUE_CHANNEL])
    return count


def holders() -> list[str]:
    """Who holds a lease on a running session or a slot."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT lease_owner FROM board_session WHERE status = 'running' UNION SELECT owner FROM board_runnerslot"
        )
        return [str(name) for (name,) in cursor.fetchall()]


def expire_dead() -> int:
    """End what processes of this host held that are gone; return how many sessions are free again."""
    return int(expire([name for name in holders() if identity.is_dead(name)]))


def work_waits() -> bool:
    """Whether anybody's session is in line or running: as long as one is, somebody has to be awake."""
    return Session.objects.filter(status__in=[Status.QUEUED, Status.RUNNING]).exists()


def claimable() -> bool:
    """Whether a session is in line, or running without a holder."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM board_session WHERE status = 'queued')"
            " OR EXISTS (SELECT 1 FROM board_session WHERE status = 'running' AND lease_until < now())"
        )
        row = cursor.fetchone()
    return bool(row and row[0])
