"""One attempt of a worker to carry a session on, from its claim to whatever ended it."""

from django.db import models


class Run(models.Model):
    session = models.ForeignKey("board.Session", on_delete=models.CASCADE, related_name="runs", db_index=False)
    fence = models.BigIntegerField(help_text="The fencing token that this claim was given")
    worker = models.CharField(max_length=120)
    from_checkpoint = models.CharField(max_length=64, blank=True, default="")
    started_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(
        max_length=20, blank=True, default="", help_text="completed, failed, released, waiting, paused, killed, lost"
    )
    detail = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["session", "fence"]
        constraints = [models.UniqueConstraint(fields=["session", "fence"], name="run_fence")]

    def __str__(self) -> str:
        return f"claim {self.fence} by {self.worker}"
