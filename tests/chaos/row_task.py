"""A queue task of tests: reads the one row it was given and leaves what it saw, in the name of its process."""

import os

from sessions.models import AuditEntry


def read(row: int) -> None:
    seen = AuditEntry.objects.get(pk=row).object_id
    AuditEntry.objects.create(actor=f"worker {os.getpid()}", action="read", object_type=str(row), object_id=seen)
