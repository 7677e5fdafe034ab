"""What happened in a session, in order: the stream's source and the staff's story."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models


class Event(models.Model):
    """One immutable event. ``sequence`` runs 1, 2, 3 … without a gap per session; ``key`` makes a repeat harmless."""

    session = models.ForeignKey("board.Session", on_delete=models.CASCADE, related_name="events", db_index=False)
    sequence = models.BigIntegerField()
    type = models.CharField(max_length=40)
    data = models.JSONField(default=dict)
    key = models.CharField(max_length=200)
    checkpoint_id = models.CharField(max_length=64, blank=True, default="")
    superseded = models.BooleanField(
        default=False, db_default=False, help_text="On a branch that a retry from an older step has left"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["session", "sequence"]
        # They come in the order of time: an index of ranges finds a day and costs an insertion next to nothing.
        indexes = [BrinIndex(fields=["created_at"], name="event_time")]
        constraints = [
            models.UniqueConstraint(fields=["session", "sequence"], name="event_sequence"),
            models.UniqueConstraint(fields=["session", "key"], name="event_key"),
        ]

    def __str__(self) -> str:
        return f"{self.sequence} {self.type}"
