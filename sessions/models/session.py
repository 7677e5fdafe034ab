"""A session: one decision, brought by one person, debated once (and resumed as often as need be)."""

from uuid import UUID

import uuid_utils.compat
from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models


def new_id() -> UUID:
    """A UUID version 7: it sorts by time of creation, so new rows land at the end of every index."""
    return uuid_utils.compat.uuid7()


class Status(models.TextChoices):
    CREATED = "created", "Draft"
    QUEUED = "queued", "In line"
    RUNNING = "running", "Running"
    WAITING = "waiting", "Waiting for your answer"
    PAUSED = "paused", "Paused"
    COMPLETED = "completed", "Completed"
    FAILED = "failed", "Failed"
    KILLED = "killed", "Stopped"


class Phase(models.TextChoices):
    NONE = "", "Not started"
    FRAMING = "framing", "Framing the decision"
    DECOMPOSING = "decomposing", "Splitting it into parts"
    SELECTING = "selecting", "Choosing the board"
    DEBATING = "debating", "Debating"
    VOTING = "voting", "Recommending"
    SYNTHESIS = "synthesis", "Writing the memo"
    PLANNING = "planning", "Planning actions"
    DONE = "done", "Done"


class SessionQuerySet(models.QuerySet["Session"]):
    def visible_to(self, user: object) -> "SessionQuerySet":
        """Sessions that ``user`` may read: their own, or all for staff with the view permission."""
        if getattr(user, "is_staff", False) and user.has_perm("board.view_session"):  # type: ignore[attr-defined]
            return self
        return self.filter(owner_id=getattr(user, "pk", None))


class Session(models.Model):
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="board_sessions")
    title = models.CharField(max_length=160, help_text="Derived from the problem until the board has framed it")
    problem_statement = models.TextField()
    context = models.TextField(blank=True, default="")
    options = models.JSONField(default=list, blank=True, help_text="The owner's options, a list of strings")
    constraints = models.JSONField(
        default=list, blank=True, help_text="What the owner cannot change, a list of strings"
    )

    catalogue_revision = models.BigIntegerField(
        default=0,
        db_default=0,
        help_text="The personas' revision it was brought under, and keeps; 0 is what the release ships",
    )
    experts_picked = models.JSONField(
        default=list, db_default=[], blank=True, help_text="Slugs of personas that its owner wants"
    )
    experts_vetoed = models.JSONField(
        default=list, db_default=[], blank=True, help_text="Slugs of personas that its owner does not want"
    )

    status = models.CharField(max_length=12, choices=Status.choices, default=Status.CREATED)
    phase = models.CharField(max_length=12, choices=Phase.choices, default=Phase.NONE, blank=True)
    round = models.PositiveSmallIntegerField(default=0)
    max_rounds = models.PositiveSmallIntegerField(default=4, validators=[MinValueValidator(1)])
    graph_version = models.PositiveSmallIntegerField(default=2, help_text="Of the procedure that began it")
    review_frame = models.BooleanField(
        default=False, help_text="Show the frame and the board to the owner before the debate begins"
    )

    last_sequence = models.BigIntegerField(default=0, help_text="Sequence of the newest event; the stream's head")
    changed = models.BigIntegerField(
        default=0, help_text="Number of the transaction that wrote the newest event; written with last_sequence alone"
    )
    fence = models.BigIntegerField(default=0, help_text="Fencing token: plus one for every claim")
    lease_owner = models.CharField(max_length=120, blank=True, default="")
    lease_until = models.DateTimeField(null=True, blank=True)
    claims = models.PositiveSmallIntegerField(default=0, help_text="Claims since the last progress")
    requested = models.CharField(
        max_length=8, blank=True, default="", help_text="What its runner shall do at the next step: pause or evict"
    )
    requested_at = models.DateTimeField(null=True, blank=True)
    requested_reason = models.TextField(blank=True, default="")
    think_afresh = models.BooleanField(
        default=False, help_text="After a fork: ask every model again instead of reusing answers to identical prompts"
    )

    cost_cap = models.DecimalField(max_digits=10, decimal_places=4, null=True, blank=True, help_text="US dollars")
    deadline = models.DateTimeField(null=True, blank=True)
    failure = models.JSONField(
        null=True, blank=True, help_text="code, message, recoverable, node, attempt, detail (staff only)"
    )
    forked_from = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="forks")

    created_at = models.DateTimeField(auto_now_add=True)
    queued_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    progressed_at = models.DateTimeField(null=True, blank=True, help_text="Time of the newest checkpoint")
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = SessionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["owner", "-id"], name="session_owner"),
            models.Index(fields=["status", "queued_at"], name="session_line"),
            models.Index(fields=["lease_until"], name="session_lease", condition=models.Q(status="running")),
        ]
        permissions = [
            ("control_session", "Can pause, resume, stop and retry any session"),
            ("raise_cap_session", "Can raise the cost cap of any session"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_over(self) -> bool:
        """Whether the stream has come to its end (a failed session may still be retried)."""
        return self.status in (Status.COMPLETED, Status.FAILED, Status.KILLED)
