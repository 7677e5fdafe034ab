"""What staff see. One module a model; what changes anything goes through ``operation`` and the services."""

from django.contrib import admin

from sessions.admin import (
    action,
    assessment,
    audit,
    checkpoint,
    contribution,
    document,
    evaluation,
    event,
    idempotency,
    intervention,
    memo,
    persona,
    queue,
    recommendation,
    resolution,
    run,
    seat,
    session,
    slot,
)

admin.site.site_header = "Board of One, for staff"
admin.site.site_title = "Board of One"
admin.site.index_title = "What happens on this board"

__all__ = [
    "action",
    "assessment",
    "audit",
    "checkpoint",
    "contribution",
    "document",
    "evaluation",
    "event",
    "idempotency",
    "intervention",
    "memo",
    "persona",
    "queue",
    "recommendation",
    "resolution",
    "run",
    "seat",
    "session",
    "slot",
]
