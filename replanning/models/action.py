"""An action: something that somebody does next, and how one can tell that it is done or hopeless."""

from typing import ClassVar

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, Q

from replanning.models.project import Project
from sessions.models.session import new_id


class State(models.TextChoices):
    """Named State, not Status, because a session has a status and both meet on every page."""

    TODO = "todo", "To do"
    IN_PROGRESS = "in_progress", "In progress"
    IN_REVIEW = "in_review", "In review"
    BLOCKED = "blocked", "Blocked"
    DONE = "done", "Done"
    CANCELLED = "cancelled", "Cancelled"
    FAILED = "failed", "Failed"
    ABANDONED = "abandoned", "Abandoned"
    REPLANNED = "replanned", "Replanned"


class Priority(models.TextChoices):
    HIGH = "high", "High"
    MEDIUM = "medium", "Medium"
    LOW = "low", "Low"


class Action(models.Model):
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="actions")
    position = models.PositiveIntegerField(default=0, help_text="Order of appearance in the project")
    title = models.CharField(max_length=160)
    what = models.TextField(help_text="What to do, and how")
    success = models.TextField(blank=True, default="", help_text="How one can tell that it is done")
    kill = models.TextField(blank=True, default="", help_text="When to stop")
    priority = models.CharField(max_length=8, choices=Priority.choices, default=Priority.MEDIUM)
    owner = models.CharField(max_length=80, blank=True, default="", help_text="Who does it: a name or a role")
    start_on = models.DateField(null=True, blank=True)
    due_on = models.DateField(null=True, blank=True)
    progress = models.PositiveSmallIntegerField(
        default=0, validators=[MaxValueValidator(100)], help_text="0 to 100 per cent"
    )

    status = models.CharField(max_length=12, choices=State.choices, default=State.TODO)
    blocked_reason = models.TextField(blank=True, default="")
    held = models.BooleanField(default=False, help_text="Blocked by a dependency; unblocked by itself")
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    session = models.ForeignKey(
        "board.Session", on_delete=models.SET_NULL, null=True, blank=True, related_name="actions",
        help_text="The session that proposed it",
    )  # fmt: skip
    proposal = models.ForeignKey(
        "board.ActionProposal", on_delete=models.SET_NULL, null=True, blank=True, related_name="actions"
    )
    replaces = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="replacements",
        help_text="The action in whose place a new plan has put this one",
    )  # fmt: skip
    replan_session = models.ForeignKey(
        "board.Session", on_delete=models.SET_NULL, null=True, blank=True, related_name="replanned_actions",
        help_text="The session that is replanning it, or whose plan is on offer",
    )  # fmt: skip
    replan_requested_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = ["project", "position", "id"]
        indexes: ClassVar = [models.Index(fields=["project", "status", "position"], name="action_board")]
        constraints: ClassVar = [
            # A proposal becomes one action, however often somebody presses "accept".
            models.UniqueConstraint(fields=["proposal"], name="action_proposal"),
            models.CheckConstraint(condition=Q(progress__lte=100), name="action_progress"),
            models.CheckConstraint(condition=Q(start_on__lte=F("due_on")), name="action_dates"),
            models.CheckConstraint(condition=Q(held=False) | Q(status="blocked"), name="action_held"),
        ]

    def __str__(self) -> str:
        return self.title
