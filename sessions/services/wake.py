"""See to it that a runner is awake."""

from django_q.tasks import async_task


def runners() -> None:
    """Enqueue a runner task, in the caller's transaction (the queue is a table, so both commit or neither).

    It carries no session: a runner claims whatever is in line, so a lost or doubled entry does no harm.
    """
    async_task("sessions.tasks.run", group="runner")  # type: ignore[no-untyped-call]
