"""A step statement by statement, in a transaction of the caller's: without a fence, at the session's end, for a task
that failed, and once more with a savepoint around each item when ``at_once`` was refused.

A repeat is harmless here: what is stored already is left as it is.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection

from bo1site.resilience import faults
from sessions.events import LeaseLost
from sessions.graph import sink
from sessions.graph.at_once import Put, Writes
from sessions.graph.drafts import Draft
from sessions.graph.open_step import Place

#: Progress, fence, row lock, head of the events and a waiting request, in one statement.
_HOLD = (
    "UPDATE board_session SET progressed_at = clock_timestamp(), claims = 0"
    " WHERE id = %s::uuid AND fence = %s AND status = 'running' RETURNING last_sequence, requested"
)
#: The same for a task that failed, which is no progress.
_LOCK = (
    "SELECT last_sequence, requested FROM board_session"
    " WHERE id = %s::uuid AND fence = %s AND status = 'running' FOR NO KEY UPDATE"
)
_BLOBS = (
    "INSERT INTO board_checkpointblob (thread_id, checkpoint_ns, channel, version, type, blob)"
    " SELECT %s, %s, b.* FROM unnest(%s::text[], %s::text[], %s::text[], %s::bytea[]) b ON CONFLICT DO NOTHING"
)
_CHECKPOINT = (
    "INSERT INTO board_checkpoint (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, source, step, run_id,"
    " body, metadata, superseded, created_at)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s::jsonb, %s::jsonb, false, clock_timestamp())"
    " ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id) DO UPDATE SET body = excluded.body,"
    " metadata = excluded.metadata, source = excluded.source, step = excluded.step, run_id = excluded.run_id"
)
_WRITES = (
    "INSERT INTO board_checkpointwrite"
    " (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, blob)"
    " SELECT %s, %s, %s, %s, %s, w.* FROM unnest(%s::int[], %s::text[], %s::text[], %s::bytea[]) w"
    " ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id, task_id, idx) DO "
)


def put(place: Place, puts: Sequence[Put], drafts: Sequence[Draft], *, careful: bool) -> str:
    """Store checkpoints that followed one another, what their steps drafted, and the session's end if that is among
    it; return what the session is asked to do.

    Raises ``LeaseLost``, and unless ``careful`` what ``sink.BAD_ITEM`` lists when an item is refused.
    """
    head, requested = _hold(place)
    faults.point("saver.put.begun")
    with connection.cursor() as cursor:
        for one in puts:
            if one.blobs:
                cursor.execute(_BLOBS, [place.thread_id, place.checkpoint_ns, *_turned(one.blobs, 4)])
            cursor.execute(_CHECKPOINT, one.row)
    faults.point("saver.put.written")
    if place.fence is not None:
        if said := [draft for draft in drafts if draft["kind"] != "end"]:
            sink.apply(place.thread_id, head, said, place.checkpoint_id, careful=careful)
        sink.finish(place.thread_id, place.fence, drafts, place.checkpoint_id)
    faults.point("saver.put.before_commit")
    return requested


def write(place: Place, one: Writes, *, progress: bool, careful: bool) -> None:
    """Store a task's writes and what it drafted. Raises as ``put`` does."""
    head, _ = _hold(place, progress=progress)
    with connection.cursor() as cursor:
        cursor.execute(_WRITES + one.conflict, [*one.place, *_turned(one.rows, 4)])
    if one.drafts:
        sink.apply(place.thread_id, head, one.drafts, place.checkpoint_id, careful=careful)


def _hold(place: Place, *, progress: bool = True) -> tuple[int, str]:
    """Lock the session and prove the fence; return the head of its events and a waiting request."""
    if place.fence is None:
        return 0, ""
    with connection.cursor() as cursor:
        cursor.execute(_HOLD if progress else _LOCK, [place.thread_id, place.fence])
        row = cursor.fetchone()
    if row is None:
        raise LeaseLost(f"session {place.thread_id} is not held under fence {place.fence}")
    return int(row[0]), str(row[1])


def _turned(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    """Rows as columns, the shape ``unnest`` takes."""
    return [[row[column] for row in rows] for column in range(width)]
