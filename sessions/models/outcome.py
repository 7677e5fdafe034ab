"""What a deliberation leaves behind: recommendations, the memo with its dissent, proposed actions."""

from typing import ClassVar

from django.db import models

from sessions.models.draft import DraftedRow


class Recommendation(DraftedRow):
    """One persona's final word on a sub-problem."""

    sub_problem = models.PositiveSmallIntegerField(default=0)
    persona = models.SlugField(max_length=60, db_index=False)
    name = models.CharField(max_length=80)
    option = models.TextField()
    recommendation = models.TextField()
    confidence = models.FloatField(help_text="0 to 1")
    reasons = models.JSONField(default=list)
    conditions = models.JSONField(default=list)
    would_change_my_mind = models.TextField(blank=True, default="")
    offline = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["session", "sub_problem", "id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["session", "key"], name="recommendation_key")]

    def __str__(self) -> str:
        return f"{self.name}: {self.option}"


class Memo(DraftedRow):
    """The board's answer. ``dissent``: persona, position, quote. ``option_reviews``: option, strengths, weaknesses.
    ``sources``: field, index, text, keys (of contributions and recommendations), by (``board`` or ``wording``)."""

    recommendation = models.TextField()
    confidence = models.FloatField(help_text="0 to 1")
    confidence_basis = models.TextField()
    rationale = models.TextField()
    dissent = models.JSONField(default=dict)
    conditions = models.JSONField(default=list)
    tripwires = models.JSONField(default=list)
    option_reviews = models.JSONField(default=list)
    consistency = models.JSONField(default=list, blank=True, help_text="How the answers to several parts fit together")
    sources = models.JSONField(
        default=list, blank=True, help_text="For each statement: field, index, keys of what it rests on, and by whom"
    )
    offline = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["session", "id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["session", "key"], name="memo_key")]

    def __str__(self) -> str:
        return self.recommendation


class ActionProposal(DraftedRow):
    """An action the board proposes; the owner accepts it into a project later."""

    position = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=160)
    what = models.TextField()
    owner = models.CharField(max_length=80, blank=True, default="", help_text="A role, not a name")
    due_in_days = models.PositiveSmallIntegerField()
    priority = models.CharField(max_length=8)
    success = models.TextField()
    kill = models.TextField(blank=True, default="")

    class Meta:
        ordering: ClassVar = ["session", "position"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["session", "key"], name="actionproposal_key")]

    def __str__(self) -> str:
        return self.title
