"""Where a checkpoint stands in the deliberation, in words: "before the memo", "part 2, before round 3".

Only the bodies of the checkpoints are read, and of their values the three that say where a debate is: two queries for
all of them, however many there are, and none where no step is inside a debate.
"""

from collections.abc import Sequence
from typing import Any

from sessions.models import Checkpoint, CheckpointBlob, SubProblem

_TELLING = ("sub_problem", "round", "decision")
_DELIBERATION = {
    "begin": "at the beginning",
    "frame": "before the framing",
    "clarify": "before the questions to the owner",
    "decompose": "before it is divided into parts",
    "select": "before the experts are chosen",
    "review": "before the owner looks at the frame",
    "debate": "before the debate",
    "gather": "after a debate",
    "synthesis": "before the memo",
    "plan": "before the actions",
    "finish": "before the end",
}
_DEBATE = {
    "open_round": "before round {round}",
    "persona": "before round {round}",
    "assess": "round {round}, before it is assessed",
    "moderate": "before round {round} and its moderator",
    "consult": "before round {round} and the question to the owner",
    "vote": "before the vote",
    "tally": "before the votes are counted",
}


def places(thread_id: str, rows: Sequence[Checkpoint]) -> list[str]:
    """One phrase for each checkpoint of a thread, in their order; empty where its body does not say."""
    inside = [row for row in rows if row.checkpoint_ns]
    values = _values(thread_id, inside)
    parts = SubProblem.objects.filter(session_id=thread_id).values("position").distinct()
    many = bool(inside) and parts.count() > 1
    return [_inside(row, values, many) if row.checkpoint_ns else _outside(row) for row in rows]


def _outside(row: Checkpoint) -> str:
    fresh = row.body.get("updated_channels") or []
    if following := _following(fresh):
        return _DELIBERATION.get(following, "")
    if not fresh:
        return ""
    return _DELIBERATION["select" if "outline" in fresh and "boards" not in fresh else "debate"]


def _inside(row: Checkpoint, values: dict[tuple[str, str, str], Any], many: bool) -> str:
    versions = row.body.get("channel_versions") or {}
    told: dict[str, Any] = {name: values.get((row.checkpoint_ns, name, str(versions.get(name)))) for name in _TELLING}
    if told["round"] is None:
        return ""
    following = _following(row.body.get("updated_channels") or [])
    at = following or ("vote" if told["decision"] == "vote" else "persona")
    words = _DEBATE.get(at, "").format(round=told["round"])
    return f"part {told['sub_problem'] + 1}, {words}" if words and many else words


def _following(fresh: Sequence[str]) -> str:
    """The node that is next; empty where several are, which are no channel."""
    return next((name.removeprefix("branch:to:") for name in fresh if name.startswith("branch:to:")), "")


def _values(thread_id: str, rows: Sequence[Checkpoint]) -> dict[tuple[str, str, str], Any]:
    """The telling values by (namespace, channel, version)."""
    wanted = {
        (row.checkpoint_ns, name, str(version))
        for row in rows
        for name, version in (row.body.get("channel_versions") or {}).items()
        if name in _TELLING
    }
    if not wanted:
        return {}
    stored = CheckpointBlob.objects.filter(
        thread_id=thread_id,
        checkpoint_ns__in={namespace for namespace, _, _ in wanted},
        channel__in=_TELLING,
    ).values_list("checkpoint_ns", "channel", "version", "type", "blob")
    from sessions.graph.saver import Saver  # LangGraph takes a second to import: who looks at debates waits, no start

    serde = Saver().serde
    return {
        (namespace, channel, version): serde.loads_typed((kind, bytes(blob or b"")))
        for namespace, channel, version, kind, blob in stored
        if kind != "empty" and (namespace, channel, version) in wanted
    }
