"""LangGraph's checkpoints in three tables, split as LangGraph splits them: what changed is stored once.

No foreign keys between them: writes may arrive before their checkpoint, and blobs are shared by many. ``thread_id``
is the session's id as text.
"""

from django.db import models


class Checkpoint(models.Model):
    thread_id = models.CharField(max_length=255)
    checkpoint_ns = models.TextField(default="", blank=True)
    checkpoint_id = models.CharField(max_length=64)
    parent_checkpoint_id = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001 (no parent is no text)
    source = models.CharField(max_length=16, default="", blank=True)
    step = models.IntegerField(default=0)
    run_id = models.CharField(max_length=64, default="", blank=True)
    body = models.JSONField(help_text="LangGraph's checkpoint without its channel values")
    metadata = models.JSONField(default=dict)
    superseded = models.BooleanField(default=False, help_text="On a branch that a retry from an older step has left")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["thread_id", "checkpoint_ns", "checkpoint_id"], name="checkpoint_unique")
        ]
        indexes = [models.Index(fields=["run_id"], name="checkpoint_run", condition=~models.Q(run_id=""))]

    def __str__(self) -> str:
        return f"step {self.step} ({self.source})"


class CheckpointBlob(models.Model):
    thread_id = models.CharField(max_length=255)
    checkpoint_ns = models.TextField(default="", blank=True)
    channel = models.TextField()
    version = models.CharField(max_length=64)
    type = models.CharField(max_length=64)
    blob = models.BinaryField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["thread_id", "checkpoint_ns", "channel", "version"], name="blob_unique")
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.version}"


class CheckpointWrite(models.Model):
    thread_id = models.CharField(max_length=255)
    checkpoint_ns = models.TextField(default="", blank=True)
    checkpoint_id = models.CharField(max_length=64)
    task_id = models.CharField(max_length=64)
    task_path = models.TextField(default="", blank=True)
    idx = models.IntegerField()
    channel = models.TextField()
    type = models.CharField(max_length=64)
    blob = models.BinaryField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["thread_id", "checkpoint_ns", "checkpoint_id", "task_id", "idx"], name="write_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.channel} of {self.task_id}"
