"""Persists what nodes have drafted, inside a transaction of the saver and under the session's row lock.

The hot path does not come by here (at_once.py). When the database refuses what a task has drafted, the saver comes
``careful``: item by item, each in a savepoint, so that one bad item is reported (an ``item_rejected`` event) and every
other one is kept. Writing a draft again is harmless: its key is unique.
"""

import json
import logging
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import DataError, IntegrityError, connection, transaction

from bo1site.resilience import faults
from sessions import events
from sessions.cleaning import storable
from sessions.graph import at_once
from sessions.graph.drafts import Draft
from sessions.models import Session, Status
from sessions.transitions import transition

log = logging.getLogger(__name__)

#: The channel whose values are drafts.
OUTBOX = "outbox"
#: What one bad item may raise; anything else is no fault of the item.
BAD_ITEM = (DataError, IntegrityError, ValueError, TypeError, KeyError, AttributeError)


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
    said = [at_once.event(draft) for draft in drafts if draft["kind"] == "event"]
    if said:
        head = events.append_locked(session_id, head, said, checkpoint_id=checkpoint_id)
    for table, rows in at_once.by_table(drafts).items():
        _insert(session_id, table, rows, checkpoint_id)
    if fields := at_once.session_fields(drafts):
        Session.objects.filter(pk=session_id).update(**fields)
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


def _insert(session_id: str, table: str, drafts: Sequence[Draft], checkpoint_id: str) -> None:
    names, taken, source = at_once.shape(table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO board_{table} (session_id, checkpoint_id, superseded, key, {names})"  # noqa: S608
            f" SELECT %s::uuid, %s, false, v.key, {taken} FROM {source} ON CONFLICT (session_id, key) DO NOTHING",
            [session_id, checkpoint_id, at_once.rows(table, drafts)],
        )
