"""What replanning hears from the board. It only enqueues: the work has a transaction of its own."""

import logging
from typing import Any
from uuid import UUID

from django.db import transaction
from django_q.tasks import async_task

from replanning.models import Replan
from sessions.signals import session_ended

log = logging.getLogger(__name__)


def connect() -> None:
    session_ended.connect(settle_later, dispatch_uid="replanning.settle")


def settle_later(sender: Any, session_id: UUID | str, **_: Any) -> None:
    """Enqueue what follows from the end of a replanning session, in the transaction that ends it.

    Whatever goes wrong here is undone by the savepoint and noted: the end of a session matters more than its
    consequence, and the repair of replans finds one that nobody has drawn.
    """
    try:
        with transaction.atomic():
            if Replan.objects.filter(session_id=session_id).exists():
                async_task("replanning.tasks.settle", str(session_id), group="replanning")  # type: ignore[no-untyped-call]
    except Exception:
        log.exception("the end of session %s could not be passed on to its replan", session_id)
