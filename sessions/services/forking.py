"""Go back to an older step: what came later is kept and marked superseded, and a new branch goes on from there.

A step of the deliberation itself is copied and becomes the newest. A step inside the debate of a sub-problem cannot be:
the debate hangs on a task of the deliberation. So the deliberation goes back to where it sent that debate, and sends it
anew to the place that the step holds; its siblings keep what they have, settled or half-way.
"""

from typing import Any
from uuid import UUID

from django.db.models import F, Max, Q, QuerySet, TextField, Value
from django.db.models.functions import Concat

from sessions import event_types
from sessions.graph import routing
from sessions.graph.broken import place
from sessions.graph.build import build
from sessions.graph.saver import Saver
from sessions.models import (
    ActionProposal,
    Assessment,
    Checkpoint,
    Contribution,
    Event,
    Intervention,
    Memo,
    Recommendation,
    Seat,
    Session,
    SubProblem,
)

_OF_A_PART: tuple[Any, ...] = (Contribution, Assessment, Intervention, Recommendation)
_OF_THE_WHOLE: tuple[Any, ...] = (SubProblem, Seat, Memo, ActionProposal)
#: What the graph says, as opposed to what happened to the session: only this belongs to a branch.
_SAID = [
    name
    for name in event_types.SCHEMAS
    if not name.startswith("session_") and name not in ("interjection", "clarification_answered", "frame_reviewed")
]


def fork(session: Session, target: Checkpoint) -> int:
    """Make ``target`` the point from which the session goes on; return the last sequence of the live branch.

    In the caller's transaction, under the lock of the session's row.
    """
    fence = session.fence + 1  # whoever still holds the session writes nothing more
    Session.objects.filter(pk=session.pk).update(fence=fence)
    if target.checkpoint_ns:
        _inside(session, target, fence)
    else:
        copy = build(Saver()).update_state(_config(target), None, as_node="__copy__")
        _leave(session, target.checkpoint_id, copy, fence)
    live = Event.objects.filter(session=session, superseded=False, type__in=_SAID)
    return int(live.aggregate(last=Max("sequence"))["last"] or 0)


def _leave(session: Session, checkpoint_id: str, copy: Any, fence: int) -> None:
    """Supersede everything after a step of the deliberation, but its ``copy``."""
    kept = copy["configurable"]["checkpoint_id"]
    history = Checkpoint.objects.filter(thread_id=str(session.pk), superseded=False)
    history.filter(checkpoint_id__gt=checkpoint_id).exclude(checkpoint_id=kept).update(superseded=True)
    for table in (*_OF_A_PART, *_OF_THE_WHOLE):
        _supersede(table.objects.filter(session=session, checkpoint_id__gte=checkpoint_id), fence)
    _supersede(Event.objects.filter(session=session, checkpoint_id__gte=checkpoint_id, type__in=_SAID), fence)


def _inside(session: Session, target: Checkpoint, fence: int) -> None:
    """Go back to a step inside a debate."""
    saver, history = Saver(), Checkpoint.objects.filter(thread_id=str(session.pk), superseded=False)
    values = _values(saver, target)
    part = int(values["sub_problem"])
    parent = history.get(checkpoint_ns="", checkpoint_id=target.metadata["parents"][""])
    left = _dependents(_values(saver, parent)["outline"], part)
    spaces: dict[int, list[str]] = {}
    results: dict[str, Any] = {}
    inside = history.exclude(checkpoint_ns="")
    for row in inside.order_by("checkpoint_ns", "-checkpoint_id").distinct("checkpoint_ns"):
        spaces.setdefault(int(_values(saver, row)["sub_problem"]), []).append(row.checkpoint_ns)
    for other in spaces.keys() - left:
        row = inside.filter(checkpoint_ns__in=spaces[other]).latest("checkpoint_id")
        theirs = _values(saver, row)
        ended = theirs.get("results", {}).get(str(other), {})
        results[str(other)] = ended if routing.settled(ended) else {"place": ended.get("place") or _place(row, theirs)}
    results |= {str(number): None for number in left} | {str(part): {"place": _place(target, values)}}
    copy = build(Saver()).update_state(_config(parent), {"results": results}, as_node="gather")
    later = Q(checkpoint_ns="", checkpoint_id__gt=parent.checkpoint_id) | Q(
        checkpoint_ns__in=[space for number in left for space in spaces.get(number, [])],
        checkpoint_id__gt=target.checkpoint_id,
    )
    kept = copy["configurable"]["checkpoint_id"]
    history.filter(later).exclude(checkpoint_id=kept).update(superseded=True)
    here = Q(session=session, checkpoint_id__gte=target.checkpoint_id)
    for table in _OF_A_PART:
        _supersede(table.objects.filter(here, sub_problem__in=left), fence)
    for table in _OF_THE_WHOLE:
        _supersede(table.objects.filter(here), fence)
    said = Event.objects.filter(here, type__in=_SAID)
    _supersede(said.filter(Q(data__sub_problem__in=list(left)) | Q(data__sub_problem=None)), fence)
    _supersede(said.exclude(data__has_key="sub_problem"), fence)


def _place(row: Checkpoint, values: Any) -> dict[str, Any]:
    """Where a debate goes on from a checkpoint of it: at the node that is next, or the join of voices that are."""
    fresh = row.body.get("updated_channels") or []
    following = [name.removeprefix("branch:to:") for name in fresh if name.startswith("branch:to:")]
    if following:
        return place(values, following[0])
    if values.get("decision") == "vote":
        return place(values, "tally")
    begun = values.get("readings") or values.get("turns")
    return place(values, "assess" if begun else "open_round")


def _dependents(outline: list[dict[str, Any]], part: int) -> set[int]:
    """``part`` and every sub-problem that builds on it, however far."""
    left = {part}
    for position, item in enumerate(outline):
        if left & set(item["depends_on"]):
            left.add(position)
    return left


def _values(saver: Saver, row: Checkpoint) -> dict[str, Any]:
    found = saver.get_tuple(_config(row))
    assert found is not None
    return found.checkpoint["channel_values"]


def _config(row: Checkpoint) -> Any:
    at = {"thread_id": row.thread_id, "checkpoint_ns": row.checkpoint_ns, "checkpoint_id": row.checkpoint_id}
    return {"configurable": at}


def _supersede(rows: "QuerySet[Any]", fence: int) -> None:
    """Keys name places in the deliberation, and the new branch comes by the same places: it takes them over."""
    renamed = Concat(F("key"), Value(f"~{fence}"), output_field=TextField())
    rows.filter(superseded=False).update(superseded=True, key=renamed)


def phase_and_round(session_id: UUID) -> dict[str, Any]:
    """Phase and round of the live branch, as its events tell."""
    live = Event.objects.filter(session_id=session_id, superseded=False).order_by("-sequence")
    phase = live.filter(type="phase_started").values_list("data__phase", flat=True).first()
    opened = live.filter(type="round_started").values_list("data__round", flat=True).first()
    return {"phase": phase or "", "round": opened or 0}
