"""The room: what is asked, who sits on the board, what they say, and how the facilitator reads it."""

from typing import ClassVar

from django.db import models

from sessions.models.draft import DraftedRow


class SubProblem(DraftedRow):
    position = models.PositiveSmallIntegerField(help_text="0, 1, 2 …")
    title = models.CharField(max_length=160)
    question = models.TextField()
    depends_on = models.JSONField(default=list, blank=True, help_text="Positions of parts that are settled before it")

    class Meta:
        ordering: ClassVar = ["session", "position"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["session", "key"], name="subproblem_key")]

    def __str__(self) -> str:
        return self.title


class Seat(DraftedRow):
    """A persona on the board of one sub-problem, as it was when the board was chosen."""

    sub_problem = models.PositiveSmallIntegerField(default=0)
    position = models.PositiveSmallIntegerField(default=0)
    persona = models.SlugField(max_length=60, db_index=False)
    name = models.CharField(max_length=80)
    method = models.CharField(max_length=80)
    reason = models.TextField()
    version = models.PositiveIntegerField(default=1, db_default=1, help_text="Of the persona, in the catalogue")
    provider = models.CharField(
        max_length=20,
        blank=True,
        default="",
        db_default="",
        help_text="Asked first for this seat; empty means no preference",
    )

    class Meta:
        ordering: ClassVar = ["session", "sub_problem", "position"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["session", "key"], name="seat_key")]

    def __str__(self) -> str:
        return f"{self.name} ({self.method})"


class Contribution(DraftedRow):
    sub_problem = models.PositiveSmallIntegerField(default=0)
    round = models.PositiveSmallIntegerField()
    persona = models.SlugField(max_length=60, db_index=False)
    name = models.CharField(max_length=80)
    option = models.TextField()
    claim = models.TextField()
    reasons = models.JSONField(default=list)
    conditions = models.JSONField(default=list)
    response = models.TextField(blank=True, default="")
    confidence = models.FloatField(help_text="0 to 1")
    provider = models.CharField(max_length=20, blank=True, default="")
    model = models.CharField(max_length=80, blank=True, default="")
    offline = models.BooleanField(default=False, help_text="Written by the offline provider")

    class Meta:
        ordering: ClassVar = ["session", "sub_problem", "round", "id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["session", "key"], name="contribution_key")]

    def __str__(self) -> str:
        return f"{self.name}, round {self.round}"


class Assessment(DraftedRow):
    """The facilitator's reading of a round; shares from 0 to 1."""

    sub_problem = models.PositiveSmallIntegerField(default=0)
    round = models.PositiveSmallIntegerField()
    summary = models.TextField()
    convergence = models.FloatField()
    novelty = models.FloatField()
    conflict = models.FloatField()
    open_questions = models.JSONField(default=list)
    decision = models.CharField(max_length=12)
    reason = models.TextField()
    guidance = models.TextField(blank=True, default="")

    class Meta:
        ordering: ClassVar = ["session", "sub_problem", "round"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["session", "key"], name="assessment_key")]

    def __str__(self) -> str:
        return f"round {self.round}: {self.decision}"


class Intervention(DraftedRow):
    """A moderator's word into a round: no option, no vote. ``cause`` is the rule that called it; ``reason``, why."""

    sub_problem = models.PositiveSmallIntegerField(default=0)
    round = models.PositiveSmallIntegerField(help_text="The round it speaks into")
    moderator = models.SlugField(max_length=20, db_index=False)
    name = models.CharField(max_length=80)
    cause = models.CharField(max_length=40)
    reason = models.TextField()
    claim = models.TextField()
    points = models.JSONField(default=list)
    question = models.TextField()
    offline = models.BooleanField(default=False, help_text="Written by the offline provider")

    class Meta:
        ordering: ClassVar = ["session", "sub_problem", "round", "id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["session", "key"], name="intervention_key")]

    def __str__(self) -> str:
        return f"{self.name} into round {self.round}"
