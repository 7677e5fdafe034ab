"""What all rows that a graph step drafts have in common."""

from django.db import models
from django.db.models.functions import Now


class DraftedRow(models.Model):
    """A row drafted by a node and persisted with its checkpoint. ``key`` makes a repeated step harmless."""

    session = models.ForeignKey("board.Session", on_delete=models.CASCADE, related_name="%(class)ss", db_index=False)
    key = models.CharField(max_length=200, help_text="Derived from step, node and persona")
    checkpoint_id = models.CharField(
        max_length=64, blank=True, default="", help_text="The checkpoint from which the step started that wrote it"
    )
    superseded = models.BooleanField(default=False, help_text="On a branch that a retry from an older step has left")
    created_at = models.DateTimeField(auto_now_add=True, db_default=Now())

    class Meta:
        abstract = True
