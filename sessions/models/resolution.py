"""What its owner decided in the end, and how that turned out."""

from django.db import models
from django.db.models import Q

from sessions.models.session import Session


class Followed(models.TextChoices):
    YES = "yes", "As the board recommended"
    PARTLY = "partly", "Partly as the board recommended"
    NO = "no", "Otherwise"


class Hindsight(models.TextChoices):
    """Whether the board's recommendation turned out to be right, also where somebody decided otherwise."""

    RIGHT = "right", "Right"
    PARTLY = "partly", "Partly right"
    WRONG = "wrong", "Wrong"
    UNCLEAR = "unclear", "Cannot be told"


class Resolution(models.Model):
    """One a session, written by its owner after the memo: first the decision, later its outcome."""

    session = models.OneToOneField(Session, on_delete=models.CASCADE, related_name="resolution")
    decision = models.TextField(help_text="What was decided, in the owner's words")
    followed = models.CharField(max_length=8, choices=Followed.choices)
    decided_on = models.DateField()
    hindsight = models.CharField(max_length=8, choices=Hindsight.choices, blank=True, default="")
    outcome = models.TextField(blank=True, default="", help_text="How it turned out")
    judged_on = models.DateField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(hindsight="", judged_on=None) | (~Q(hindsight="") & Q(judged_on__isnull=False)),
                name="resolution_judged",
            )
        ]

    def __str__(self) -> str:
        return self.decision

    @property
    def is_judged(self) -> bool:
        return bool(self.hindsight)
