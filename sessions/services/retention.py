"""What is kept for how long. docs/retention.md says it in words; the numbers are here and nowhere else."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from bo1site.resilience.database import retry_db
from sessions.graph.saver import Saver
from sessions.models import Checkpoint, Event, IdempotencyKey, Session, Status

#: Older checkpoints of a session that is over for good are dropped; the newest stays, with all that it needs.
CHECKPOINTS = timedelta(days=7)
#: A failed session keeps every step to retry from for so long.
FAILED_CHECKPOINTS = timedelta(days=30)
#: Events of sessions that ended so long ago go, but for the first and the last one; results are rows and stay.
EVENTS = timedelta(days=365)
IDEMPOTENCY_KEYS = timedelta(days=2)
#: Sessions handled in one run, so that no run holds the queue for long.
AT_ONCE = 500


def retain() -> dict[str, int]:
    """Apply the whole policy to at most ``AT_ONCE`` sessions; return how many each part touched."""
    return {
        "checkpoints": prune_checkpoints(),
        "events": prune_events(),
        "idempotency_keys": IdempotencyKey.objects.filter(created_at__lt=Now() - IDEMPOTENCY_KEYS).delete()[0],
    }


def prune_checkpoints() -> int:
    """Keep only the newest checkpoint of sessions that ended long enough ago; return how many sessions had more."""
    over = Session.objects.filter(
        status__in=[Status.COMPLETED, Status.KILLED], finished_at__lt=Now() - CHECKPOINTS
    ) | Session.objects.filter(status=Status.FAILED, finished_at__lt=Now() - FAILED_CHECKPOINTS)
    saver, pruned = Saver(), 0
    for session_id in over.order_by("pk").values_list("pk", flat=True).iterator():
        if Checkpoint.objects.filter(thread_id=str(session_id)).count() > 1:
            saver.prune([str(session_id)])
            pruned += 1
            if pruned >= AT_ONCE:
                break
    return pruned


def prune_events() -> int:
    """Drop the middle of stories that ended long ago; readers of the stream are told of the gap."""
    over = Session.objects.filter(finished_at__lt=Now() - EVENTS).order_by("pk").values_list("pk", flat=True)
    return sum(_drop_events(session_id) for session_id in list(over[:AT_ONCE]))


@retry_db(batch=True, nested="join")
def _drop_events(session_id: UUID) -> int:
    with transaction.atomic():
        head = Session.objects.values_list("last_sequence", flat=True).get(pk=session_id)
        story = Event.objects.filter(session_id=session_id, sequence__gt=1, sequence__lt=head)
        return story.delete()[0]
