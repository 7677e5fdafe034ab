"""Audit entries: written in the transaction of what they record."""

from typing import Any

from django.db.models import Model

from sessions.models import AuditEntry


def record(
    actor: Any,
    action: str,
    target: Model,
    *,
    reason: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> AuditEntry:
    """Write who did ``action`` to ``target``. ``actor`` is a user, or a name for what the system does by itself."""
    by_user = hasattr(actor, "get_username")
    return AuditEntry.objects.create(
        actor_id=actor.pk if by_user else None,
        actor=actor.get_username() if by_user else str(actor or "system"),
        action=action,
        object_type=target._meta.model_name or "",
        object_id=str(target.pk),
        reason=reason,
        before=before or {},
        after=after or {},
    )
