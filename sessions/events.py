"""The only writer of events.

Lock order: the session's row first and nothing after it but rows that hang on it. The row lock is what makes
sequences gapless and commits ordered: a reader that sees sequence n sees every sequence below it (a database
sequence would not promise that). Take it late and never hold it across a model call.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from bo1site.observability import correlation
from sessions import doorbell, event_latency, event_types
from sessions.cleaning import storable_json

#: The NOTIFY channel that rings the web processes. The payload is ``<session id>:<newest sequence>``, and where that is
#: short enough ``:<milliseconds since the epoch by the database's clock>`` and what the events say, a line for each:
#: ``<type> <data as JSON>``. NOTIFY tells of what is committed, in the order of the commits, or not at all.
CHANNEL = "board_events"
#: Bytes that a doorbell may carry: PostgreSQL takes payloads of less than 8,000.
CARRIED = 7_800


def rung(session: str, head: str, carried: str) -> str:
    """The SQL that rings for a session, of expressions for its id, its newest sequence and what the bell carries."""
    now = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
    return f"pg_notify('{CHANNEL}', {session} || ':' || {head} || coalesce(':' || {now} || {carried}, ''))"


class LeaseLost(Exception):
    """The session now belongs to another claim (or is no longer running): stop, write nothing."""

    code = "lease_lost"


@dataclass(frozen=True, slots=True)
class Draft:
    """An event that wants to be written. ``key`` is unique in its session: a second draft with it is dropped."""

    type: str
    data: dict[str, Any] = field(default_factory=dict)
    key: str = ""


def lock(session_id: UUID | str, *, fence: int | None = None) -> int:
    """Lock the session's row until the transaction ends; return its newest event sequence.

    With ``fence`` the row must still be running under that fencing token, else ``LeaseLost``. Without, a missing
    session raises ``LeaseLost`` too. ``NO KEY UPDATE`` does not block inserts that point to the session.
    """
    with connection.cursor() as cursor:
        if fence is None:
            cursor.execute("SELECT last_sequence FROM board_session WHERE id = %s FOR NO KEY UPDATE", [str(session_id)])
        else:
            cursor.execute(
                "SELECT last_sequence FROM board_session WHERE id = %s AND fence = %s AND status = 'running'"
                " FOR NO KEY UPDATE",
                [str(session_id), fence],
            )
        row = cursor.fetchone()
    if row is None:
        raise LeaseLost(f"session {session_id} is not held under fence {fence}")
    return int(row[0])


_INSERT = f"""
WITH fresh AS (
    SELECT d.one ->> 0 AS type, d.one -> 1 AS data, d.one ->> 2 AS key, row_number() OVER (ORDER BY d.place) AS n
    FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY AS d(one, place)
    WHERE NOT EXISTS (SELECT 1 FROM board_event e WHERE e.session_id = %s AND e.key = d.one ->> 2)
), written AS (
    INSERT INTO board_event (session_id, sequence, type, data, key, checkpoint_id, created_at)
    SELECT %s, %s + n, type, data, key, %s, clock_timestamp() FROM fresh
    RETURNING sequence
), head AS (
    UPDATE board_session SET last_sequence = (SELECT max(sequence) FROM written),
        changed = pg_current_xact_id()::text::bigint
    WHERE id = %s AND EXISTS (SELECT 1 FROM written) RETURNING last_sequence
)
SELECT last_sequence, {rung("%s", "last_sequence", "CASE WHEN (SELECT count(*) FROM fresh) = %s THEN %s END")} FROM head
"""  # noqa: S608  # constants


def append_locked(session_id: UUID | str, head: int, drafts: Sequence[Draft], *, checkpoint_id: str = "") -> int:
    """Write ``drafts`` after ``head`` (which ``lock`` returned in this transaction); return the new head.

    One statement, whatever the number of drafts. The doorbell rings when the transaction commits.
    Raises ``ValueError`` for an unknown type or data that is not of the type's shape.
    """
    if not drafts:
        return head
    sid = str(session_id)
    text, count, carried = ready(drafts, head)
    with event_latency.measured(), connection.cursor() as cursor:
        cursor.execute(_INSERT, [text, sid, sid, head, checkpoint_id, sid, sid, count, carried])
        row = cursor.fetchone()
    if row is None:
        return head
    doorbell.ring_on_commit(sid, int(row[0]))
    return int(row[0])


def ready(drafts: Sequence[Draft], head: int = 0) -> tuple[str, int, str]:
    """Drafts that want to be written, as a JSON list of type, data and key each, and how many they are: of two with
    one key only the first. And what their doorbell carries of them: nothing when that is too long, or when one is the
    last of its session, since what that means is in the session's row.

    ``head`` makes a key for drafts without one. Raises ``ValueError`` as ``append_locked`` does.
    """
    unique: dict[str, Draft] = {}
    for draft in drafts:
        event_types.check(draft.type, draft.data)
        draft = _traced(draft)
        unique.setdefault(draft.key or f"{draft.type}:{head + len(unique) + 1}", draft)
    types = [draft.type for draft in unique.values()]
    said = [storable_json(draft.data) for draft in unique.values()]
    keys = map(storable_json, unique)
    text = ",".join(f'["{name}",{data},{key}]' for name, data, key in zip(types, said, keys, strict=True))
    carried = "".join(f"\n{name} {data}" for name, data in zip(types, said, strict=True))
    fits = len(carried) <= CARRIED and event_types.TERMINAL.isdisjoint(types) and len(carried.encode()) <= CARRIED
    return f"[{text}]", len(types), carried if fits else ""


def _traced(draft: Draft) -> Draft:
    """A session that gets into line remembers by whose request, so that the work done later is found in the logs."""
    request = correlation.correlation_id()
    if draft.type != "session_queued" or not request:
        return draft
    return replace(draft, data={**draft.data, "request": request})


def append(session_id: UUID | str, drafts: Sequence[Draft], *, checkpoint_id: str = "") -> int:
    """Lock the session and write ``drafts``, in the caller's transaction or one of its own; return the new head."""
    with transaction.atomic():
        return append_locked(session_id, lock(session_id), drafts, checkpoint_id=checkpoint_id)
