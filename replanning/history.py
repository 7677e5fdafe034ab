"""What has happened to an action: its part of the audit trail, which is kept whatever becomes of people and rows."""

from django.db.models import QuerySet

from replanning.models import Action
from sessions.models import AuditEntry

#: Entries shown at once.
MOST = 200


def of_action(action: Action) -> QuerySet[AuditEntry]:
    return AuditEntry.objects.filter(object_type="action", object_id=str(action.pk)).order_by("-id")[:MOST]
