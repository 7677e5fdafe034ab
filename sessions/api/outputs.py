"""What callers receive."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers
from rest_framework.reverse import reverse

from sessions import event_types, models
from sessions.models import Phase, Status


def _texts() -> serializers.ListField:
    """A new field each time: one instance under two names would be bound to the second only."""
    return serializers.ListField(child=serializers.CharField())


class SessionSummary(serializers.ModelSerializer[models.Session]):
    """A session as it stands in a list."""

    url = serializers.SerializerMethodField()
    status = serializers.ChoiceField(choices=Status.choices, read_only=True)
    status_text = serializers.CharField(source="get_status_display", read_only=True)
    phase = serializers.ChoiceField(choices=Phase.choices, read_only=True)
    phase_text = serializers.CharField(source="get_phase_display", read_only=True)
    ended = serializers.BooleanField(source="is_over", read_only=True, help_text="The stream has come to its end")

    class Meta:
        model = models.Session
        fields = [
            "id", "url", "title", "status", "status_text", "phase", "phase_text", "round", "max_rounds", "ended",
            "last_sequence", "created_at", "started_at", "finished_at",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(OpenApiTypes.URI)
    def get_url(self, session: models.Session) -> str:
        return self._link("api:session-detail", session)

    def _link(self, name: str, session: models.Session) -> str:
        return str(reverse(name, args=[session.pk], request=self.context.get("request")))


class SessionPage(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True, help_text="Older sessions")
    previous = serializers.URLField(allow_null=True, help_text="Newer sessions")
    results = SessionSummary(many=True)


class SubProblem(serializers.ModelSerializer[models.SubProblem]):
    depends_on = serializers.ListField(child=serializers.IntegerField())

    class Meta:
        model = models.SubProblem
        fields = ["position", "title", "question", "depends_on"]
        read_only_fields = fields


class Seat(serializers.ModelSerializer[models.Seat]):
    class Meta:
        model = models.Seat
        fields = ["sub_problem", "position", "persona", "name", "method", "reason", "version", "provider"]
        read_only_fields = fields


class Persona(serializers.Serializer[Any]):
    """Somebody of the catalogue: a way of reasoning, and what it is apt for."""

    slug = serializers.CharField(help_text="Names it in experts_picked and experts_vetoed")
    name = serializers.CharField()
    method = serializers.CharField(help_text="How it reasons; nobody else does")
    domains = _texts()
    temperament = serializers.CharField()
    blind_spot = serializers.CharField(help_text="What it tends to miss")
    version = serializers.IntegerField()


class Document(serializers.ModelSerializer[models.Document]):
    kind = serializers.CharField(help_text="text, markdown or pdf, by its content")

    class Meta:
        model = models.Document
        fields = ["position", "name", "kind", "size", "pages", "characters", "sha256"]
        read_only_fields = fields


class Contribution(serializers.ModelSerializer[models.Contribution]):
    reasons = _texts()
    conditions = _texts()

    class Meta:
        model = models.Contribution
        fields = [
            "key", "sub_problem", "round", "persona", "name", "option", "claim", "reasons", "conditions", "response",
            "confidence", "offline", "created_at",
        ]  # fmt: skip
        read_only_fields = fields


class Assessment(serializers.ModelSerializer[models.Assessment]):
    open_questions = _texts()

    class Meta:
        model = models.Assessment
        fields = [
            "sub_problem", "round", "summary", "convergence", "novelty", "conflict", "open_questions", "decision",
            "reason", "guidance",
        ]  # fmt: skip
        read_only_fields = fields


class Recommendation(serializers.ModelSerializer[models.Recommendation]):
    reasons = _texts()
    conditions = _texts()

    class Meta:
        model = models.Recommendation
        fields = [
            "key", "sub_problem", "persona", "name", "option", "recommendation", "confidence", "reasons", "conditions",
            "would_change_my_mind", "offline",
        ]  # fmt: skip
        read_only_fields = fields


class Memo(serializers.ModelSerializer[models.Memo]):
    """The board's answer, with the strongest dissent in the dissenter's words."""

    dissent = serializers.DictField(help_text="persona, position, quote; empty when nobody dissents")
    conditions = _texts()
    tripwires = _texts()
    option_reviews = serializers.ListField(child=serializers.DictField(), help_text="option, strengths, weaknesses")
    consistency = _texts()
    sources = serializers.ListField(
        child=serializers.DictField(), help_text="What statements rest on: field, index, text, keys, by"
    )

    class Meta:
        model = models.Memo
        fields = [
            "recommendation", "confidence", "confidence_basis", "rationale", "dissent", "conditions", "tripwires",
            "option_reviews", "consistency", "sources", "offline", "created_at",
        ]  # fmt: skip
        read_only_fields = fields


class Action(serializers.ModelSerializer[models.ActionProposal]):
    class Meta:
        model = models.ActionProposal
        fields = ["position", "title", "what", "owner", "due_in_days", "priority", "success", "kill"]
        read_only_fields = fields


class Failure(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()
    recoverable = serializers.BooleanField(help_text="Whether a retry can help")
    node = serializers.CharField(help_text="The step that failed")
    attempt = serializers.IntegerField()
    detail = serializers.CharField(required=False, help_text="For staff only")


def _dollars(**kwargs: Any) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=14, decimal_places=8, normalize_output=False, **kwargs)


class Cost(serializers.Serializer[Any]):
    """Money in US dollars, as text. What is unknown is counted apart, never as zero."""

    currency = serializers.CharField(help_text="USD")
    known = _dollars(help_text="Sum of all calls whose cost is known, failed attempts included")
    complete = serializers.BooleanField(help_text="No call is still open and none has an unknown cost")
    cap = _dollars(allow_null=True)
    calls = serializers.IntegerField()
    failed_calls = serializers.IntegerField()
    unknown_calls = serializers.IntegerField(help_text="Calls whose cost is unknown")
    open_calls = serializers.IntegerField()
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()


class Room(serializers.Serializer[Any]):
    """Everything that was said, without what a retry from an older step has left behind."""

    sub_problems = SubProblem(many=True)
    seats = Seat(many=True)
    contributions = Contribution(many=True)
    assessments = Assessment(many=True)
    recommendations = Recommendation(many=True)
    memo = Memo(allow_null=True)
    actions = Action(many=True)


class Links(serializers.Serializer[Any]):
    page = serializers.URLField(help_text="For people")
    events = serializers.URLField()
    stream = serializers.URLField(help_text="Server-sent events")
    export = serializers.URLField()


class Session(SessionSummary):
    """A session without its room."""

    options = _texts()
    constraints = _texts()
    experts_picked = _texts()
    experts_vetoed = _texts()
    documents = serializers.SerializerMethodField()
    failure = serializers.SerializerMethodField()
    links = serializers.SerializerMethodField()

    class Meta(SessionSummary.Meta):
        fields = [
            *SessionSummary.Meta.fields,
            "problem_statement", "context", "options", "constraints", "experts_picked", "experts_vetoed", "documents",
            "cost_cap", "deadline", "queued_at", "requested",
            "failure", "links",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(Document(many=True))
    def get_documents(self, session: models.Session) -> list[dict[str, Any]]:
        return list(Document(models.Document.objects.filter(session=session).defer("text"), many=True).data)

    @extend_schema_field(Failure(allow_null=True))
    def get_failure(self, session: models.Session) -> dict[str, Any] | None:
        if not session.failure:
            return None
        shown = {"code": "", "message": "", "recoverable": False, "node": "", "attempt": 1}
        shown |= {name: session.failure[name] for name in shown if name in session.failure}
        if self.context["request"].user.is_staff and session.failure.get("detail"):
            shown["detail"] = str(session.failure["detail"])
        return shown

    @extend_schema_field(Links)
    def get_links(self, session: models.Session) -> dict[str, str]:
        return {
            "page": self._link("board:session", session),
            **{name: self._link(f"api:session-{name}", session) for name in ("events", "stream", "export")},
        }


@extend_schema_serializer(component_name="SessionWithRoom")
class SessionDetail(Session):
    """A session with its cost and its room."""

    cost = Cost()
    room = Room()

    class Meta(Session.Meta):
        fields = [*Session.Meta.fields, "cost", "room"]
        read_only_fields = fields


class Event(serializers.Serializer[Any]):
    sequence = serializers.IntegerField(min_value=1, help_text="1, 2, 3 … without a gap; also the id in the stream")
    type = serializers.ChoiceField(choices=sorted(event_types.SCHEMAS))
    data = serializers.DictField(help_text="docs/api.md lists the fields of each type")  # type: ignore[assignment]
    superseded = serializers.BooleanField(help_text="A retry from an older step has left it behind")
    created_at = serializers.DateTimeField()


class EventPage(serializers.Serializer[Any]):
    events = Event(many=True)
    head = serializers.IntegerField(help_text="Sequence of the newest event there is")
    after = serializers.IntegerField(help_text="Ask with this ‘after’ for what comes later")
    next = serializers.URLField(allow_null=True, help_text="The following page, or null when you have all there is")
    ended = serializers.BooleanField(
        help_text="Nothing more comes unless it is retried, or its owner records decision and outcome"
    )


class Said(serializers.Serializer[Any]):
    sequence = serializers.IntegerField(help_text="Of the interjection's event")


class Resolution(serializers.ModelSerializer[models.Resolution]):
    """What was decided and, once it is known, how it turned out (``hindsight`` is empty until then)."""

    followed = serializers.ChoiceField(choices=models.Followed.choices, read_only=True)
    hindsight = serializers.ChoiceField(choices=models.Hindsight.choices, allow_blank=True, read_only=True)

    class Meta:
        model = models.Resolution
        fields = ["decision", "followed", "decided_on", "hindsight", "outcome", "judged_on", "created_at", "updated_at"]
        read_only_fields = fields


class Interval(serializers.Serializer[Any]):
    low = serializers.FloatField()
    high = serializers.FloatField()


class CalibrationGroup(serializers.Serializer[Any]):
    low = serializers.FloatField()
    high = serializers.FloatField()
    count = serializers.IntegerField()
    confidence = serializers.FloatField(help_text="Mean confidence, 0 to 1")
    right = serializers.FloatField(help_text="Mean outcome: right 1, partly right 0.5, wrong 0")
    interval = Interval(help_text="Of “right”: Wilson's, 95 per cent")


class Calibration(serializers.Serializer[Any]):
    """Scores are null below three judged decisions; below thirty, “is_few” says that they say little."""

    count = serializers.IntegerField()
    left_out = serializers.IntegerField(help_text="Judged, but not to be told, or of the offline demo")
    is_few = serializers.BooleanField()
    brier = serializers.FloatField(allow_null=True, help_text="Mean of (confidence − outcome)²")
    interval = Interval(allow_null=True, help_text="Of “brier”: mean ± 1.96·s/√n; null when all are alike")
    reference = serializers.FloatField(allow_null=True, help_text="The score of always saying the share that was right")
    gap = serializers.FloatField(allow_null=True, help_text="Mean confidence − mean outcome; above 0: too sure")
    groups = CalibrationGroup(many=True)


class RetryPoint(serializers.Serializer[Any]):
    checkpoint_id = serializers.CharField()
    step = serializers.IntegerField(help_text="LangGraph's own count, in the deliberation or in a part's debate")
    at = serializers.CharField(
        allow_blank=True, help_text="Where that is, in words: “before the memo”, “part 2, before round 3”"
    )
    created_at = serializers.DateTimeField()


class RetryPoints(serializers.Serializer[Any]):
    checkpoints = RetryPoint(many=True)


class Fault(serializers.Serializer[Any]):
    field = serializers.CharField(allow_blank=True)
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemDocument(serializers.Serializer[Any]):
    """A problem document, RFC 9457. Programs go by ``code``; ``detail`` and ``hint`` are for people."""

    type = serializers.URLField(help_text="An address that explains the code")
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="Stable; /api/problems/ lists all of them")
    detail = serializers.CharField()
    hint = serializers.CharField(help_text="What to do")
    errors = Fault(many=True, required=False)  # type: ignore[assignment]


class TokenState(serializers.Serializer[Any]):
    exists = serializers.BooleanField()
    ends_with = serializers.CharField(help_text="The last four characters, to tell tokens apart")
    created_at = serializers.DateTimeField(allow_null=True)


class FreshToken(serializers.Serializer[Any]):
    token = serializers.CharField(help_text="Shown once: keep it safe")
    created_at = serializers.DateTimeField()
