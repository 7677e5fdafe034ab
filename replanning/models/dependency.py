"""What has to happen before an action may start or finish."""

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from replanning.models.action import Action

#: Days; a negative lag is a lead.
MAX_LAG = 365


class Kind(models.TextChoices):
    FINISH_TO_START = "fs", "Finish to start"
    START_TO_START = "ss", "Start to start"
    FINISH_TO_FINISH = "ff", "Finish to finish"


class ActionDependency(models.Model):
    """``action`` depends on ``predecessor``; both are of one project."""

    action = models.ForeignKey(Action, on_delete=models.CASCADE, related_name="dependencies")
    predecessor = models.ForeignKey(Action, on_delete=models.CASCADE, related_name="dependants")
    kind = models.CharField(max_length=2, choices=Kind.choices, default=Kind.FINISH_TO_START)
    lag = models.SmallIntegerField(
        default=0,
        validators=[MinValueValidator(-MAX_LAG), MaxValueValidator(MAX_LAG)],
        help_text="Days to wait beyond the predecessor's date; negative to overlap",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["id"]
        verbose_name_plural = "action dependencies"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["action", "predecessor", "kind"], name="dependency_unique"),
            models.CheckConstraint(condition=~Q(action=F("predecessor")), name="dependency_not_itself"),
        ]

    def __str__(self) -> str:
        days = f", {self.lag:+d} day{'' if abs(self.lag) == 1 else 's'}" if self.lag else ""
        return f"{self.get_kind_display().lower()}{days}".replace("-", "−")
