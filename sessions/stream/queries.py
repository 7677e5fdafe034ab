"""What the hub asks the event table. Every answer comes from one statement, thus from one snapshot."""

from sessions.models import Status
from sessions.stream.frames import FRAME_SQL

#: Events a fetch takes per session; events a page of replay takes, its largest size in bytes, and the bytes after which
#: a larger one is cut.
FETCH, PAGE, LARGEST, PAGE_BYTES = 128, 500, 1024 * 1024, 256 * 1024

_OVER = ", ".join(f"'{status.value}'" for status in (Status.COMPLETED, Status.FAILED, Status.KILLED))

#: (ids, heads) → id, top, over, sequence|None, frame|None, age in seconds|None; by id and sequence.
#: A head of -1 asks for the newest RING_FRAMES events instead of those above the head.
NEWS = f"""
SELECT s.id::text, s.last_sequence, s.status IN ({_OVER}), e.sequence, convert_to(e.frame, 'UTF8'),
       extract(epoch FROM clock_timestamp() - e.created_at)::float8
FROM unnest(%s::uuid[], %s::bigint[]) AS w(id, head)
JOIN board_session s ON s.id = w.id
LEFT JOIN LATERAL (
    SELECT sequence, created_at, {FRAME_SQL} AS frame FROM board_event b
    WHERE b.session_id = w.id AND b.sequence > w.head ORDER BY b.sequence LIMIT {FETCH}
) e ON true
ORDER BY 1, 4
"""  # noqa: S608

#: (limit, id) → the same for the newest ``limit`` sequences of one session.
NEWEST = f"""
SELECT s.last_sequence, s.status IN ({_OVER}), e.sequence, convert_to(e.frame, 'UTF8')
FROM board_session s
LEFT JOIN LATERAL (
    SELECT sequence, {FRAME_SQL} AS frame FROM board_event b
    WHERE b.session_id = s.id AND b.sequence > s.last_sequence - %s
) e ON true
WHERE s.id = %s
ORDER BY 3
"""  # noqa: S608

#: (ids) → id, last_sequence.
HEADS = "SELECT id::text, last_sequence FROM board_session WHERE id = ANY(%s::uuid[])"

#: (id, last, last) → first, last, number of the events above ``last`` and their frames in one piece: a page of
#: sequences, put together where the rows are.
WHOLE = f"""
SELECT min(sequence), max(sequence), count(*), convert_to(string_agg(frame, ''), 'UTF8') FROM (
    SELECT sequence, {FRAME_SQL} AS frame FROM board_event
    WHERE session_id = %s AND sequence > %s AND sequence <= %s + {PAGE} ORDER BY sequence
) page
"""  # noqa: S608

#: (id, last, last) → sequence, frame of the events above ``last``, a page of sequences at most. The upper bound keeps
#: the planner from sorting the whole rest of a long history for every page of it.
REPLAY = f"""
SELECT sequence, convert_to({FRAME_SQL}, 'UTF8') FROM board_event
WHERE session_id = %s AND sequence > %s AND sequence <= %s + {PAGE} ORDER BY sequence
"""  # noqa: S608

#: (id, last) → the first sequence above ``last`` that is still there, or NULL: where a pruned history goes on.
NEXT = "SELECT min(sequence) FROM board_event WHERE session_id = %s AND sequence > %s"

_STATE = """
SELECT s.id::text AS id, s.owner_id::text AS owner, s.last_sequence, s.changed, convert_to(
    E'event: session_changed\\ndata: ' || jsonb_build_object('id', s.id, 'owner', s.owner_id, 'title', s.title,
        'status', s.status, 'phase', s.phase, 'round', s.round, 'max_rounds', s.max_rounds,
        'last_sequence', s.last_sequence)::text || E'\\n\\n', 'UTF8') AS frame
FROM board_session s
"""

#: (ids) → id, owner, sequence, changed, frame of these sessions.
STATES = f"{_STATE} WHERE s.id = ANY(%s::uuid[])"


def scan(everybody: bool) -> str:
    """(owner, owner, since, limit) → horizon, sessions by status as JSON, and of each session that changed since:
    id, owner, sequence, changed, frame, the newest change first; one row of NULLs when there is none.

    The horizon is the oldest transaction that was still running in the statement's snapshot: whatever has a lower
    number is visible or will never be. So "changed at the horizon or later" can miss nothing, whatever order
    transactions commit in. Without ``everybody`` the index over the owner bounds what is read.
    Numbers from beyond the snapshot come from another server (a restored dump) and say nothing here.
    """
    mine = "%s::text = '*'" if everybody else "s.owner_id = %s"
    return f"""
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
       (SELECT coalesce(jsonb_object_agg(c.status, c.n), '{{}}')::text FROM (
           SELECT s.status, count(*) AS n FROM board_session s WHERE {mine} GROUP BY 1) c),
       found.*
FROM (VALUES (1)) one LEFT JOIN LATERAL (
    {_STATE} WHERE {mine} AND s.changed >= %s AND s.changed < pg_snapshot_xmax(pg_current_snapshot())::text::bigint
    ORDER BY s.changed DESC LIMIT %s
) found ON true
"""  # noqa: S608
