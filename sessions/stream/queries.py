"""What the hub asks the event table. Every answer comes from one statement, thus from one snapshot."""

from sessions.models import Status
from sessions.stream.frames import FRAME_SQL

#: Events a fetch takes per session, and events and bytes a page of replay takes.
FETCH, PAGE, PAGE_BYTES = 128, 1000, 256 * 1024

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

#: (id, limit) → the same for the newest ``limit`` events of one session.
NEWEST = f"""
SELECT s.last_sequence, s.status IN ({_OVER}), e.sequence, convert_to(e.frame, 'UTF8')
FROM board_session s
LEFT JOIN LATERAL (
    SELECT sequence, {FRAME_SQL} AS frame FROM board_event b
    WHERE b.session_id = s.id ORDER BY b.sequence DESC LIMIT %s
) e ON true
WHERE s.id = %s
ORDER BY 3
"""  # noqa: S608

#: (ids) → id, last_sequence.
HEADS = "SELECT id::text, last_sequence FROM board_session WHERE id = ANY(%s::uuid[])"

#: (id, last) → first, last, body of the first run of consecutive events above ``last``, within PAGE and PAGE_BYTES.
#: PostgreSQL joins the frames: Python then handles one value a page instead of a thousand rows.
REPLAY = f"""
WITH page AS (
    SELECT sequence, frame, sequence - row_number() OVER w AS island,
           sum(octet_length(frame)) OVER w - octet_length(frame) AS before
    FROM (SELECT sequence, {FRAME_SQL} AS frame FROM board_event
          WHERE session_id = %s AND sequence > %s ORDER BY sequence LIMIT {PAGE}) f
    WINDOW w AS (ORDER BY sequence)
)
SELECT min(sequence), max(sequence), convert_to(string_agg(frame, '' ORDER BY sequence), 'UTF8') FROM page
WHERE island = (SELECT min(island) FROM page) AND before < {PAGE_BYTES}
"""  # noqa: S608
