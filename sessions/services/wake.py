"""See to it that a runner is awake, and that the one who drives a session hears what is wanted of it."""

from uuid import UUID

from django.db import connection
from django_q.tasks import async_task

#: NOTIFY channels: somebody queued a session (or freed one); somebody wants something of a running one (its id).
QUEUE_CHANNEL, CONTROL_CHANNEL = "board_queue", "board_control"


def runners() -> None:
    """Enqueue a runner task, in the caller's transaction (the queue is a table, so both commit or neither).

    It carries no session: a runner claims whatever is in line, so a lost or doubled entry does no harm. The bell that
    rings at the commit also wakes runners that are up already, so most entries find no free slot; that they did is
    not worth a row of history each. A failure leaves one all the same.
    """
    async_task("sessions.tasks.run", group="runner", save=False)  # type: ignore[no-untyped-call]


def holder(session_id: UUID) -> None:
    """Have the runner of a session look at it now instead of at its next heartbeat; rings at the commit."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CONTROL_CHANNEL, str(session_id)])
