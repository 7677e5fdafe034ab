"""Persists what nodes have drafted, inside the saver's transaction and under the session's row lock.

The fast path writes events in one statement and rows in one statement a table. When the database refuses a batch the
saver rolls back and comes again ``careful``: item by item, each in a savepoint, so that one bad item is reported (an
``item_rejected`` event) and every other one is kept. Writing a draft again is harmless: its key is unique.
"""

import json
import logging
from collections.abc import Iterable, Sequence
from typing import Any, cast

from django.apps import apps
from django.db import DataError, IntegrityError, connection, transaction
from django.db.models import Field

from bo1site.resilience import faults
from sessions import events
from sessions.cleaning import storable
from sessions.graph.drafts import Draft
from sessions.models import Session, Status
from sessions.models.draft import DraftedRow
from sessions.transitions import transition

log = logging.getLogger(__name__)

#: The channel whose values are drafts.
OUTBOX = "outbox"
#: What one bad item may raise; anything else is no fault of the item.
BAD_ITEM = (DataError, IntegrityError, ValueError, TypeError, KeyError, AttributeError)

_SESSION_FIELDS = frozenset({"title", "phase", "round", "max_rounds"})
_OURS = frozenset({"id", "session", "key", "superseded", "checkpoint_id", "created_at"})


def collect(writes: Iterable[tuple[str, Any]]) -> list[Draft]:
    """The drafts among a task's writes."""
    found: list[Draft] = []
    for channel, value in writes:
        if channel == OUTBOX and value is not None:
            found.extend(value if isinstance(value, (list, tuple)) else [value])
    return found


def ends(drafts: Iterable[Draft]) -> bool:
    """Whether the session's end is among the drafts."""
    return any(draft["kind"] == "end" for draft in drafts)


def identity(draft: Draft) -> str:
    """What makes two drafts of one step the same draft."""
    return f"{draft['kind']}:{draft.get('key') or json.dumps(draft.get('data'), sort_keys=True, default=str)}"


def apply(session_id: str, head: int, drafts: Sequence[Draft], checkpoint_id: str, *, careful: bool = False) -> int:
    """Write ``drafts`` (all but ``end``) after event ``head``; return the new head. The session's row is locked."""
    if careful:
        return _one_by_one(session_id, head, drafts, checkpoint_id)
    return _together(session_id, head, drafts, checkpoint_id)


def finish(session_id: str, fence: int, drafts: Iterable[Draft], checkpoint_id: str) -> None:
    """Complete the session if its end was drafted; in the transaction of the last checkpoint, never before it."""
    for draft in drafts:
        if draft["kind"] == "end":
            faults.point("sink.before_end")
            transition(
                session_id,
                Status.COMPLETED,
                data=storable(draft["data"]),
                key=draft.get("key") or "end",
                fence=fence,
                checkpoint_id=checkpoint_id,
                phase="done",
                failure=None,
                requested="",
                requested_at=None,
            )
            return


def _together(session_id: str, head: int, drafts: Sequence[Draft], checkpoint_id: str) -> int:
    said = [_event(draft) for draft in drafts if draft["kind"] == "event"]
    if said:
        head = events.append_locked(session_id, head, said, checkpoint_id=checkpoint_id)
        faults.point("sink.after_events")
    tables: dict[str, list[Draft]] = {}
    fields: dict[str, Any] = {}
    for draft in drafts:
        if draft["kind"] == "row":
            tables.setdefault(draft["table"], []).append(draft)
        elif draft["kind"] == "session":
            fields |= draft["data"]
    for table, rows in tables.items():
        _insert(session_id, table, rows, checkpoint_id)
        faults.point("sink.after_rows")
    if fields:
        _set(session_id, fields)
    return head


def _one_by_one(session_id: str, head: int, drafts: Sequence[Draft], checkpoint_id: str) -> int:
    for draft in drafts:
        try:
            with transaction.atomic():
                head = _together(session_id, head, [draft], checkpoint_id)
        except BAD_ITEM as error:
            log.warning("session %s: %s %r was rejected: %s", session_id, draft.get("kind"), draft.get("key"), error)
            key = str(draft.get("key") or "")[:150]
            refusal = events.Draft(
                "item_rejected",
                {"kind": str(draft.get("kind", "")), "key": key, "reason": str(error).strip()[:500]},
                f"rejected:{draft.get('kind')}:{key}",
            )
            head = events.append_locked(session_id, head, [refusal], checkpoint_id=checkpoint_id)
    return head


def _event(draft: Draft) -> events.Draft:
    if not draft.get("key"):
        raise ValueError(f"the event {draft['type']!r} was drafted without a key, so a repeated step would repeat it")
    return events.Draft(draft["type"], draft["data"], draft["key"])


def _set(session_id: str, fields: dict[str, Any]) -> None:
    if unknown := fields.keys() - _SESSION_FIELDS:
        raise ValueError(f"a step may not set {', '.join(sorted(unknown))} of its session")
    values = storable(fields)
    if "title" in values:
        values["title"] = str(values["title"])[:160]
    Session.objects.filter(pk=session_id).update(**values)


def _columns(table: str) -> dict[str, "Field[Any, Any]"]:
    model = apps.get_model("board", table)
    if not issubclass(model, DraftedRow):
        raise ValueError(f"{table!r} is no table that a step may write")
    fields = cast("list[Field[Any, Any]]", list(model._meta.concrete_fields))
    return {field.name: field for field in fields if field.name not in _OURS}


def _insert(session_id: str, table: str, drafts: Sequence[Draft], checkpoint_id: str) -> None:
    columns = _columns(table)
    values: list[Any] = []
    for draft in drafts:
        given = draft["data"]
        if unknown := given.keys() - columns.keys():
            raise ValueError(f"{table} has no {', '.join(sorted(unknown))}")
        if not draft.get("key"):
            raise ValueError(f"a {table} was drafted without a key, so a repeated step would repeat it")
        values += [session_id, storable(draft["key"]), checkpoint_id]
        for name, field in columns.items():
            value = storable(given[name]) if name in given else field.get_default()
            values.append(field.get_db_prep_save(value, connection))
    names = ", ".join(connection.ops.quote_name(str(field.column)) for field in columns.values())
    row = f"(%s::uuid, %s, %s, false, {', '.join(['%s'] * len(columns))})"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO board_{table} (session_id, key, checkpoint_id, superseded, {names})"  # noqa: S608
            f" VALUES {', '.join([row] * len(drafts))} ON CONFLICT (session_id, key) DO NOTHING",
            values,
        )
