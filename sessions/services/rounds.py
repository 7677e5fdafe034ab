"""The rounds after which the debate of a resting session can begin anew: retry points for its owner (SE3)."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sessions.models import Assessment, Checkpoint


@dataclass(frozen=True, slots=True)
class AfterRound:
    """A step to go back to: what a round established is kept, and what came after it is left."""

    sub_problem: int
    round: int
    checkpoint_id: str


def after_rounds(session_id: UUID, assessed: Iterable[Assessment]) -> list[AfterRound]:
    """For each of these rounds of the live branch the step at which it had just been assessed, in one query."""
    rounds = {row.checkpoint_id: row for row in assessed}
    inside = Checkpoint.objects.filter(thread_id=str(session_id), superseded=False).exclude(checkpoint_ns="")
    steps = inside.filter(parent_checkpoint_id__in=list(rounds)).order_by("checkpoint_id")
    found = []
    for step in steps.only("parent_checkpoint_id", "checkpoint_id"):
        row = rounds[step.parent_checkpoint_id or ""]
        found.append(AfterRound(row.sub_problem, row.round, step.checkpoint_id))
    return sorted(found, key=lambda step: (step.sub_problem, step.round))
