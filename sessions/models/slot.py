"""Which runners are awake. A host has as many slots as it may have runners; a runner holds one under a lease."""

from django.db import models


class RunnerSlot(models.Model):
    """A row a runner, deleted when it ends; one whose lease has run out may be taken. Staff read health from it."""

    host = models.CharField(max_length=80)
    number = models.PositiveSmallIntegerField(help_text="1 up to RUNNER_SLOTS")
    owner = models.CharField(max_length=120, help_text="As in the lease of its sessions")
    lease_until = models.DateTimeField()
    started_at = models.DateTimeField(auto_now_add=True)
    sessions = models.PositiveIntegerField(default=0, help_text="Sessions being driven")
    capacity = models.PositiveIntegerField(default=0)
    commit_delay_ms = models.PositiveIntegerField(
        default=0, help_text="99th percentile between a finished step and its commit, in milliseconds"
    )

    class Meta:
        ordering = ["host", "number"]
        constraints = [models.UniqueConstraint(fields=["host", "number"], name="runner_slot")]

    def __str__(self) -> str:
        return f"{self.host} {self.number}"
