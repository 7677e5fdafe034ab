"""What the broker keeps: the ledger of attempts and the journal of answers.

Neither has a foreign key to a session: the ledger outlives what it was spent on, and this app knows no other app.
"""

from django.db import models
from django.utils import timezone


class LLMCall(models.Model):
    """The ledger: one row for each attempt, written before the provider is asked and settled after it answered.

    ``cost`` is in US dollars; null means unknown and is never to be read as zero. A row that stays ``started`` because
    its process died becomes ``unknown``: nobody can tell whether it was billed.
    """

    class Status(models.TextChoices):
        STARTED = "started", "Started"
        FINISHED = "finished", "Finished"
        FAILED = "failed", "Failed"
        UNKNOWN = "unknown", "Outcome unknown"

    session_id = models.UUIDField(null=True, blank=True)
    correlation_id = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_default="",
        help_text="Of the request that led to the call; as in the logs",
    )
    task_id = models.CharField(max_length=200, blank=True)
    call_no = models.PositiveIntegerField(default=0)
    attempt = models.PositiveSmallIntegerField(
        default=1, help_text="1 for the first attempt of a call, over all providers"
    )
    node = models.CharField(max_length=100, blank=True)
    persona = models.CharField(max_length=100, blank=True)
    provider = models.CharField(max_length=32)
    model = models.CharField(max_length=100)
    tier = models.CharField(max_length=32)
    offline = models.BooleanField(default=False)
    status = models.CharField(max_length=16, choices=Status, default=Status.STARTED)
    error_code = models.CharField(max_length=64, blank=True)
    error = models.CharField(max_length=500, blank=True)
    http_status = models.PositiveSmallIntegerField(null=True, blank=True)
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    cache_read_tokens = models.PositiveIntegerField(default=0)
    cache_write_tokens = models.PositiveIntegerField(default=0)
    cost = models.DecimalField(
        max_digits=14, decimal_places=8, null=True, blank=True, help_text="US dollars; empty when unknown"
    )
    latency_ms = models.PositiveIntegerField(null=True, blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "LLM call"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["session_id", "id"], include=["cost", "status"], name="llm_call_session"),
            models.Index(fields=["started_at"], name="llm_call_started"),
            models.Index(fields=["id"], condition=models.Q(status="started"), name="llm_call_open"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(cost__gte=0), name="llm_call_cost_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.model} {self.get_status_display().lower()}"


class Answer(models.Model):
    """The journal: a validated answer, stored before it is used, so that it is paid once."""

    session_id = models.UUIDField()
    key = models.CharField(max_length=64, help_text="Digest of task, call number and prompt")
    prompt_digest = models.CharField(max_length=64, help_text="Digest of the prompt alone, for forks")
    value = models.JSONField()
    provider = models.CharField(max_length=32)
    model = models.CharField(max_length=100)
    offline = models.BooleanField(default=False)
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    cache_read_tokens = models.PositiveIntegerField(default=0)
    cache_write_tokens = models.PositiveIntegerField(default=0)
    cost = models.DecimalField(max_digits=14, decimal_places=8, null=True, blank=True)
    latency_ms = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["session_id", "key"], name="llm_answer_once")]
        indexes = [models.Index(fields=["session_id", "prompt_digest"], name="llm_answer_prompt")]

    def __str__(self) -> str:
        return f"answer {self.key[:12]}"


class Breaker(models.Model):
    """The shared state of one provider's circuit breaker; changed only by ``llm.breaker_store``.

    Times are the database's. A probe's lease is held by the attempt that ``probe`` names until ``probe_until``.
    """

    class Phase(models.TextChoices):
        CLOSED = "closed", "Closed: calls go through"
        OPEN = "open", "Open: calls are refused"
        HALF_OPEN = "half_open", "Half open: one call probes"

    provider = models.CharField(max_length=32, unique=True)
    phase = models.CharField(max_length=16, choices=Phase, default=Phase.CLOSED)
    failures = models.PositiveIntegerField(default=0, help_text="Failures in a row")
    open_until = models.DateTimeField(null=True, blank=True)
    probe = models.CharField(max_length=64, blank=True)
    probe_until = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "circuit breaker"
        ordering = ["provider"]
        permissions = [
            ("operate_breaker", "Can trip and reset circuit breakers"),
            ("run_fire_drill", "Can run fire drills on the offline provider"),
        ]

    def __str__(self) -> str:
        return f"{self.provider}: {self.phase}"


class OperatorAction(models.Model):
    """What staff did to the broker: who, what, why, before and after. Names are kept as text: accounts come and go."""

    class Verb(models.TextChoices):
        TRIP = "trip", "Tripped a breaker"
        RESET = "reset", "Reset a breaker"
        DRILL = "drill", "Started a fire drill"
        END_DRILL = "end_drill", "Ended a fire drill"

    at = models.DateTimeField(default=timezone.now)
    actor = models.CharField(max_length=150)
    verb = models.CharField(max_length=16, choices=Verb)
    provider = models.CharField(max_length=32)
    reason = models.CharField(max_length=500)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.actor} {self.get_verb_display().lower()} ({self.provider})"
