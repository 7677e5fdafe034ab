"""Watchdogs: what nobody is looking after, they look after. Each acts and leaves an event, none only complains."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q, Sum
from django.db.models.functions import Now
from django_q.models import Schedule

from bo1site.resilience.database import retry_db
from llm.models import LLMCall
from sessions.models import Session, Status
from sessions.services import wake
from sessions.services.audit import record
from sessions.services.control import locked
from sessions.transitions import transition

#: Name, function and minutes between runs of what the queue does by the clock.
SCHEDULES = (("board: watch", "sessions.tasks.watch", 1), ("board: retention", "sessions.tasks.retain", 60 * 6))


#: Serialises ``ensure_schedules``: the queue's table has no constraint that would. Any constant will do.
_SCHEDULES_LOCK = 0x626F61726402


@retry_db(nested="join")
def ensure_schedules() -> None:
    """Have django-q2 run the watchdogs and the retention; safe to repeat, and for many workers that start at once.

    What stands there twice is dropped: an earlier race must not keep every later worker from starting.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_SCHEDULES_LOCK])
        for name, function, minutes in SCHEDULES:
            wanted = {"func": function, "schedule_type": Schedule.MINUTES, "minutes": minutes, "repeats": -1}
            first = Schedule.objects.filter(name=name).order_by("pk").first()
            if first is None:
                Schedule.objects.create(name=name, **wanted)
                continue
            Schedule.objects.filter(name=name).exclude(pk=first.pk).delete()
            Schedule.objects.filter(pk=first.pk).update(**wanted)


def sweep() -> dict[str, int]:
    """Run all watchdogs; return how many sessions each one acted on."""
    return {
        "orphaned": free_orphans(),
        "stuck": free_stuck(),
        "over_deadline": end_overdue(),
        "over_cost": end_overspent(),
        "evicted": evict(),
    }


@retry_db(nested="join")
def free_orphans() -> int:
    """Wake a runner when sessions are in line or running without a holder; whoever claims one writes the event."""
    with transaction.atomic():
        orphans = Session.objects.filter(status=Status.RUNNING, lease_until__lt=Now()).count()
        if orphans or Session.objects.filter(status=Status.QUEUED).exists():
            wake.runners()
    return orphans


def free_stuck() -> int:
    """Take sessions without a new checkpoint for ``STUCK_SECONDS`` from a runner that still renews their lease."""
    since = Q(progressed_at__lt=_ago(settings.STUCK_SECONDS))
    stuck = Session.objects.filter(since, status=Status.RUNNING).order_by("pk").values_list("pk", flat=True)
    return sum(_requeue_stuck(session_id) for session_id in list(stuck))


@retry_db(nested="join")
def _requeue_stuck(session_id: UUID) -> bool:
    with transaction.atomic():
        session = locked(session_id)
        still = Session.objects.filter(
            pk=session_id, status=Status.RUNNING, progressed_at__lt=_ago(settings.STUCK_SECONDS)
        )
        if not still.exists():
            return False
        transition(session_id, Status.QUEUED, data={"reason": "stuck"}, fence=session.fence)
        # The next fence: its runner can write nothing more, even before another one claims the session.
        Session.objects.filter(pk=session_id).update(fence=F("fence") + 1)
        record("watchdog", "requeue", session, reason="no progress", before={"lease_owner": session.lease_owner})
        wake.holder(session_id)
        wake.runners()
    return True


def end_overdue() -> int:
    """Fail sessions that have run past their deadline; a retry gives them a new one."""
    late = Session.objects.filter(status=Status.RUNNING, deadline__lt=Now()).order_by("pk")
    message = (
        f"The session ran longer than {settings.SESSION_TIME_LIMIT / 60:.0f} minutes in one stretch and was stopped."
        " What it has done is kept; a retry goes on from there."
    )
    return sum(_fail(session_id, "session_deadline", message) for session_id in list(late.values_list("pk", flat=True)))


def end_overspent() -> int:
    """Fail sessions whose calls cost more than their cap (the broker checks before each call; this is the net)."""
    capped = Session.objects.filter(status=Status.RUNNING, cost_cap__isnull=False).order_by("pk")
    ended = 0
    for session_id, cap in list(capped.values_list("pk", "cost_cap")):
        spent = LLMCall.objects.filter(session_id=session_id).aggregate(total=Sum("cost"))["total"] or 0
        if cap is not None and spent > cap:
            message = f"The session has spent ${spent:.4f} of its cap of ${cap:.4f}. Raise the cap, then retry."
            ended += _fail(session_id, "budget_exhausted", message)
    return ended


@retry_db(nested="join")
def _fail(session_id: UUID, code: str, message: str) -> bool:
    with transaction.atomic():
        session = locked(session_id)
        if session.status != Status.RUNNING:
            return False
        data: dict[str, Any] = {"code": code, "message": message, "recoverable": True, "node": "", "attempt": 1}
        transition(
            session_id,
            Status.FAILED,
            data=data,
            fence=session.fence,
            failure=data,
            requested="",
            requested_at=None,
            requested_reason="",
        )
        record("watchdog", "fail", session, reason=code, before={"status": Status.RUNNING})
        wake.holder(session_id)
    return True


_CROWDED = """
WITH crowd AS (
    SELECT (SELECT count(*) FROM board_session WHERE status = 'running') AS running,
           (SELECT count(*) FROM board_session WHERE status = 'queued'
            AND queued_at < now() - %(grace)s * interval '1 second') AS waiting
), oldest AS (
    SELECT s.id FROM board_session s
    JOIN board_run r ON r.session_id = s.id AND r.fence = s.fence
    WHERE s.status = 'running' AND s.requested = '' AND r.started_at < now() - %(grace)s * interval '1 second'
    ORDER BY r.started_at, s.id
    LIMIT (SELECT CASE WHEN running >= %(most)s
                  THEN greatest(0, waiting - (SELECT count(*) FROM board_session
                                              WHERE status = 'running' AND requested <> '')) ELSE 0 END FROM crowd)
    FOR NO KEY UPDATE OF s SKIP LOCKED
)
UPDATE board_session s SET requested = 'evict', requested_at = clock_timestamp(),
    requested_reason = 'others have waited in line for their turn'
FROM oldest WHERE s.id = oldest.id
RETURNING s.id, pg_notify('board_control', s.id::text)
"""


@retry_db(nested="join")
def evict() -> int:
    """When all places are taken and somebody has waited for the grace period, ask the longest-running to make room.

    First in, first out: it rests at its next checkpoint and goes to the end of the line. Nothing is lost.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_CROWDED, {"grace": settings.EVICTION_GRACE, "most": settings.MOST_RUNNING})
        return len(cursor.fetchall())


def _ago(seconds: float) -> Any:
    return Now() - timedelta(seconds=seconds)
