"""A replan: one action that was brought back to the board."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from replanning.models.action import Action
from sessions.models.session import new_id


class Stage(models.TextChoices):
    LIVE = "live", "The board is replanning it"
    OFFERED = "offered", "A new plan is on offer"
    ACCEPTED = "accepted", "The new plan was accepted"
    DECLINED = "declined", "The new plan was declined"
    DIED = "died", "Its session ended without a plan"


#: While a replan is in one of these, the action has no room for another one.
OPEN = (Stage.LIVE, Stage.OFFERED)


class Replan(models.Model):
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    action = models.ForeignKey(Action, on_delete=models.CASCADE, related_name="replans")
    session = models.ForeignKey(
        "board.Session", on_delete=models.SET_NULL, null=True, blank=True, related_name="replans"
    )
    stage = models.CharField(max_length=8, choices=Stage.choices, default=Stage.LIVE)
    reason = models.TextField(blank=True, default="", help_text="Why the action was brought back to the board")
    outcome = models.TextField(blank=True, default="", help_text="Why it is no longer open")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["action"], condition=Q(stage__in=["live", "offered"]), name="replan_open"),
            models.UniqueConstraint(fields=["session"], name="replan_session"),
        ]

    def __str__(self) -> str:
        return f"{self.action}: {self.get_stage_display()}"

    @property
    def is_open(self) -> bool:
        return self.stage in OPEN
