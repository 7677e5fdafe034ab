"""Evaluations: which cases were answered in which mode, so that an interrupted one goes on where it stopped."""

from typing import ClassVar

from django.db import models

from sessions.models.session import new_id


class Evaluation(models.Model):
    """One suite under one set of conditions. ``name`` tells them apart; the same command finds the same row again."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=200, unique=True)
    suite = models.CharField(max_length=200)
    digest = models.CharField(max_length=64, help_text="Of the suite's cases")
    conditions = models.JSONField(default=dict, help_text="Token budget, models and whatever else changes the answers")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return self.name


class Trial(models.Model):
    """One case answered in one mode. Its calls are in the ledger under ``session_id``, the judge's under ``judge_id``;
    for the board ``session_id`` is that of a session. Without a foreign key: a trial outlives a session."""

    evaluation = models.ForeignKey(Evaluation, on_delete=models.CASCADE, related_name="trials")
    case = models.CharField(max_length=120)
    mode = models.CharField(max_length=24)
    session_id = models.UUIDField(default=new_id, unique=True)
    judge_id = models.UUIDField(default=new_id, unique=True)
    answer = models.JSONField(null=True, blank=True, help_text="Empty until the mode has answered or failed")
    marks = models.JSONField(null=True, blank=True, help_text="The judge's; empty until it has marked or failed")
    created_at = models.DateTimeField(auto_now_add=True)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["evaluation", "id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["evaluation", "case", "mode"], name="trial_once")]

    def __str__(self) -> str:
        return f"{self.case} ({self.mode})"
