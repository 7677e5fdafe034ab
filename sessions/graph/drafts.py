"""What a node wants to have written. Nodes write no rows: they put drafts into the ``outbox`` channel, and the
saver's sink persists them in the transaction of the checkpoint, under the session's fence.

A draft is plain JSON with a ``kind``: ``event``, ``row``, ``session`` (fields of the session row) or ``end``.
Its ``key`` is unique in the session, so a step that runs twice writes once.
"""

from typing import Any, Literal, TypedDict

#: Rows that nodes may draft; the sink knows their columns.
Table = Literal[
    "subproblem", "seat", "contribution", "assessment", "intervention", "recommendation", "memo", "actionproposal"
]


class Draft(TypedDict, total=False):
    kind: Literal["event", "row", "session", "end"]
    key: str
    type: str
    table: Table
    data: dict[str, Any]


def event(type_: str, key: str, /, **data: Any) -> Draft:
    """An event of the session; ``data`` as sessions/event_types.py says."""
    return {"kind": "event", "type": type_, "key": key, "data": data}


def row(table: Table, key: str, /, **values: Any) -> Draft:
    """A row of ``table``; ``values`` are its columns without session, key, superseded and created_at."""
    return {"kind": "row", "table": table, "key": key, "data": values}


def session(**fields: Any) -> Draft:
    """Fields of the session row that a step may set: ``title``, ``phase``, ``round``, ``max_rounds``."""
    return {"kind": "session", "key": "", "data": fields}


def end(recommendation: str, confidence: float) -> Draft:
    """The deliberation is complete: status, ``session_completed`` event and the last checkpoint commit together."""
    return {"kind": "end", "key": "end", "data": {"recommendation": recommendation, "confidence": confidence}}
