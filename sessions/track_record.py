"""What the calibration page and its API read: judged sessions of one person, as pairs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import OuterRef, Subquery

from sessions.calibration import WORTH, Calibration, Pair, measure
from sessions.models import Hindsight, Memo, Resolution, Session, Status

#: Sessions that are listed as waiting for a word.
MOST = 10


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """``judged``: newest first, with ``confidence``. ``left_out``: of the offline demo, or nobody can tell."""

    calibration: Calibration
    judged: Sequence[Resolution]
    left_out: int
    undecided: list[Session]
    unjudged: list[Resolution]


def of(user: Any) -> TrackRecord:
    """Five queries, however many decisions there are."""
    memo = Memo.objects.filter(session=OuterRef("session_id"), superseded=False).order_by("-id")
    mine = Resolution.objects.filter(session__owner_id=user.pk).select_related("session")
    rows = mine.exclude(hindsight="").annotate(
        confidence=Subquery(memo.values("confidence")[:1]), offline=Subquery(memo.values("offline")[:1])
    )
    told = list(rows.order_by("-judged_on", "-id"))
    counted = [row for row in told if row.hindsight in WORTH and row.confidence is not None and not row.offline]
    pairs = [Pair(row.confidence, WORTH[Hindsight(row.hindsight)]) for row in counted]
    completed = Session.objects.filter(owner_id=user.pk, status=Status.COMPLETED, resolution__isnull=True)
    return TrackRecord(
        measure(pairs),
        counted,
        len(told) - len(counted),
        list(completed.filter(memos__superseded=False).distinct().only("title", "finished_at")[:MOST]),
        list(mine.filter(hindsight="").order_by("decided_on", "id")[:MOST]),
    )
