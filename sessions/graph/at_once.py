"""A step as one statement: fence, writes, events, rows and the session's place, or nothing of it.

A statement is its own transaction, so the hot path costs one round trip instead of six, and there is no moment between
two of its writes at which a process could die. It takes the session's row first, like everybody else (docs/locking.md):
whatever else it writes hangs on the row that the fence has let through.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain
from typing import Any, cast

from django.apps import apps
from django.db import connection
from django.db.models import Field

from bo1site.resilience import statement
from sessions import doorbell, event_latency, events
from sessions.cleaning import storable, storable_json
from sessions.graph.drafts import Draft
from sessions.models import Session
from sessions.models.draft import DraftedRow

#: Fields of its session that a step may set.
SESSION_FIELDS = frozenset({"title", "phase", "round", "max_rounds"})
_OURS = frozenset({"id", "session", "key", "superseded", "checkpoint_id", "created_at"})

_HELD = """held AS (
    UPDATE board_session SET progressed_at = clock_timestamp(), claims = 0{changes}
    WHERE id = %s::uuid AND fence = %s AND status || '' = 'running' RETURNING id, last_sequence, requested
)"""
_COUNTED = ", last_sequence = last_sequence + %s, changed = pg_current_xact_id()::text::bigint"
#: No look, here and below, whether what is stored is there already: it is only where a stored step is stored again, and
#: then the statement is refused as a whole and ``in_steps`` writes what is missing.
_SAID = """said AS (
    INSERT INTO board_event (session_id, sequence, type, data, key, checkpoint_id, created_at)
    SELECT held.id, held.last_sequence - %s + d.place, d.one ->> 0, d.one -> 1, d.one ->> 2, %s, clock_timestamp()
    FROM held, jsonb_array_elements(%s::jsonb) WITH ORDINALITY AS d(one, place)
)"""
_ROWS = """{table} AS (
    INSERT INTO board_{table} (session_id, key, checkpoint_id, superseded, {names})
    SELECT held.id, v.key, %s, false, {taken} FROM held, {rows}
)"""
_WRITTEN = """written AS (
    INSERT INTO board_checkpointwrite
        (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, blob)
    SELECT %s, %s, %s, %s, %s, w.* FROM held, (VALUES {writes}) w
    ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id, task_id, idx) DO {conflict}
)"""
_STORED = """stored AS (
    INSERT INTO board_checkpointblob (thread_id, checkpoint_ns, channel, version, type, blob)
    SELECT %s, %s, b.* FROM held, (VALUES {blobs}) b
)"""
_PUT = """put{n} AS (
    INSERT INTO board_checkpoint (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, source, step, run_id,
        body, metadata, superseded, created_at)
    SELECT %s::text, %s::text, %s::text, %s::text, %s::text, %s::int, %s::text, %s::jsonb, %s::jsonb, false,
        clock_timestamp() FROM held
)"""
_QUIET = " SELECT requested, last_sequence, NULL FROM held"
_RUNG = f" SELECT requested, last_sequence, {events.rung('%s', 'last_sequence', '%s')}::text FROM held"  # noqa: S608
#: Places of a value and of a write. One parameter each: an array of ``bytea`` would be escaped and parsed byte by byte.
_BLOB, _WRITE = "(%s::text, %s::text, %s::text, %s::bytea)", "(%s::int, %s::text, %s::text, %s::bytea)"


@dataclass(frozen=True, slots=True)
class Writes:
    """What a task has written. ``place``: thread, namespace, checkpoint, task and its path; ``rows``: position,
    channel, type and value; ``conflict``: what to do with one stored before; ``drafts``: what of it is new."""

    place: Sequence[str]
    rows: Sequence[Sequence[Any]]
    conflict: str
    drafts: Sequence[Draft]


def write(session_id: str, fence: int, writes: Writes) -> None:
    """Store a task's writes and what it drafted.

    Raises ``LeaseLost`` without having written anything, and what ``sink.BAD_ITEM`` lists when an item is refused.
    """
    step = _Statement(session_id, fence, writes.drafts, writes.place[2])
    part = _part(_WRITTEN, writes=_places(_WRITE, len(writes.rows)), conflict=writes.conflict)
    step.add(part, [*writes.place, *chain.from_iterable(writes.rows)])
    step.execute()


@dataclass(frozen=True, slots=True)
class Put:
    """A checkpoint: ``row``, its columns, and ``blobs``, its new values as channel, version, type and value each."""

    row: Sequence[Any]
    blobs: Sequence[Sequence[Any]]


def put(
    session_id: str, fence: int, namespace: str, puts: Sequence[Put], drafts: Sequence[Draft], checkpoint_id: str
) -> str:
    """Store checkpoints that followed one another and what the step from ``checkpoint_id`` drafted; return what the
    session is asked to do.

    Raises as ``write`` does, a checkpoint or value that is stored already among what is refused.
    """
    step = _Statement(session_id, fence, drafts, checkpoint_id)
    if blobs := [blob for checkpoint in puts for blob in checkpoint.blobs]:
        values = [session_id, namespace, *chain.from_iterable(blobs)]
        step.add(_part(_STORED, blobs=_places(_BLOB, len(blobs))), values)
    for number, checkpoint in enumerate(puts):
        step.add(_part(_PUT, n=number), checkpoint.row)
    return step.execute()


class _Statement:
    """Parts that all hang on the session's row, and their values. Nothing is written when the fence does not hold."""

    def __init__(self, session_id: str, fence: int, drafts: Sequence[Draft], checkpoint_id: str) -> None:
        self._session_id, self._fence = session_id, fence
        self._parts: list[str] = []
        self._values: list[Any] = []
        said = [event(draft) for draft in drafts if draft["kind"] == "event"]
        self._carried: str | None = None
        assignments, settings = _changes(drafts)
        if said:
            text, count, self._carried = events.ready(said)
            self.add(_part(_HELD, changes=_COUNTED + assignments), [count, *settings, session_id, fence])
            self.add(_SAID, [count, checkpoint_id, text])
        else:
            self.add(_part(_HELD, changes=assignments), [*settings, session_id, fence])
        for table, rows in by_table(drafts).items():
            self.add(*_rows(table, rows, checkpoint_id))

    def add(self, part: str, values: Sequence[Any]) -> None:
        self._parts.append(part)
        self._values += values

    def execute(self) -> str:
        """Return what the session is asked to do; raises ``LeaseLost`` when it is no longer ours."""
        sql = "WITH " + ", ".join(self._parts)
        if self._carried is not None:
            with event_latency.measured():
                found = statement.rows(sql + _RUNG, [*self._values, self._session_id, self._carried])
        else:
            found = statement.rows(sql + _QUIET, self._values)
        if not found:
            raise events.LeaseLost(f"session {self._session_id} is not held under fence {self._fence}")
        ((requested, head, rung),) = found
        if rung is not None:
            doorbell.ring_on_commit(self._session_id, int(head))
        return str(requested)


def event(draft: Draft) -> events.Draft:
    """The event of a draft. Raises ``ValueError`` for one without a key: a repeated step would repeat it."""
    if not draft.get("key"):
        raise ValueError(f"the event {draft['type']!r} was drafted without a key, so a repeated step would repeat it")
    return events.Draft(draft["type"], draft["data"], draft["key"])


def by_table(drafts: Sequence[Draft]) -> dict[str, list[Draft]]:
    """Drafted rows by their table."""
    tables: dict[str, list[Draft]] = {}
    for draft in drafts:
        if draft["kind"] == "row":
            tables.setdefault(draft["table"], []).append(draft)
    return tables


def session_fields(drafts: Sequence[Draft]) -> dict[str, Any]:
    """What drafts set of their session; the last word wins. Raises ``ValueError`` for a field that is not theirs."""
    fields: dict[str, Any] = {}
    for draft in drafts:
        if draft["kind"] == "session":
            fields |= draft["data"]
    if unknown := fields.keys() - SESSION_FIELDS:
        raise ValueError(f"a step may not set {', '.join(sorted(unknown))} of its session")
    values: dict[str, Any] = storable(fields)
    if "title" in values:
        values["title"] = str(values["title"])[:160]
    return values


def rows(table: str, drafts: Sequence[Draft]) -> str:
    """Drafted rows as a JSON list, ready for PostgreSQL. Raises ``ValueError`` for what is no column."""
    fields, found = _fields(table), []
    for draft in drafts:
        given = draft["data"]
        if unknown := given.keys() - fields.keys():
            raise ValueError(f"{table} has no {', '.join(sorted(unknown))}")
        if not draft.get("key"):
            raise ValueError(f"a {table} was drafted without a key, so a repeated step would repeat it")
        row = {
            str(field.column): given[name] if name in given else field.get_default() for name, field in fields.items()
        }
        found.append({"key": draft["key"], **row})
    return storable_json(found)


@cache
def shape(table: str) -> tuple[str, str, str]:
    """Names of a table's columns, the same as taken from ``v``, and ``v`` itself: the rows of a text of ``rows``."""
    fields = _fields(table).values()
    names = [connection.ops.quote_name(str(field.column)) for field in fields]
    typed = ", ".join(f"{name} {_type(field)}" for name, field in zip(names, fields, strict=True))
    source = f"jsonb_to_recordset(%s::jsonb) AS v(key text, {typed})"
    return ", ".join(names), ", ".join(f"v.{name}" for name in names), source


def _rows(table: str, drafts: Sequence[Draft], checkpoint_id: str) -> tuple[str, list[Any]]:
    names, taken, source = shape(table)
    part = _part(_ROWS, table=table, names=names, taken=taken, rows=source)
    return part, [checkpoint_id, rows(table, drafts)]


def _changes(drafts: Sequence[Draft]) -> tuple[str, list[Any]]:
    fields = session_fields(drafts)
    columns = {name: cast("Field[Any, Any]", Session._meta.get_field(name)) for name in sorted(fields)}
    assignments = "".join(f", {field.column} = %s::{_type(field)}" for field in columns.values())
    return assignments, [field.get_db_prep_save(fields[name], connection) for name, field in columns.items()]


@cache
def _fields(table: str) -> "dict[str, Field[Any, Any]]":
    model = apps.get_model("board", table)
    if not issubclass(model, DraftedRow):
        raise ValueError(f"{table!r} is no table that a step may write")
    fields = cast("list[Field[Any, Any]]", list(model._meta.concrete_fields))
    return {field.name: field for field in fields if field.name not in _OURS}


def _type(field: "Field[Any, Any]") -> str:
    """A column's type without its length: a cast to ``varchar(10)`` would cut in silence what the table refuses."""
    return str(field.db_type(connection)).partition("(")[0]


@cache
def _places(one: str, count: int) -> str:
    return ", ".join([one] * count)


@lru_cache(maxsize=512)
def _part(template: str, **given: Any) -> str:
    """There are few shapes of a step, and to write one out takes longer than to find it."""
    return template.format(**given)
