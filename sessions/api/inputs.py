"""What callers may send. Bounds are checked by ``services.start``; here they are only documented."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from sessions.api.pagination import DEFAULT_LIMIT, MAX_LIMIT
from sessions.api.strict import Day, Flag, Money, QuerySerializer, StrictSerializer, Text, Whole
from sessions.documents import Attachment, Upload
from sessions.documents.attachment import LONGEST as LONGEST_DOCUMENT
from sessions.documents.attachment import MOST
from sessions.models import Followed, Hindsight, Status
from sessions.personas.catalogue import LONGEST
from sessions.personas.seating import MOST as SEATS
from sessions.services.control import MAX_TEXT
from sessions.services.resolution import MAX_DECISION, MAX_OUTCOME
from sessions.services.review import Changes
from sessions.services.start import MAX_CONTEXT, MAX_ITEM, MAX_ITEMS, MAX_PROBLEM, MIN_PROBLEM, Decision

DEFAULT_EVENTS, MAX_EVENTS = 200, 1000
MAX_SEARCH = 200
#: The largest bigint: a sequence beyond it cannot be asked of the database.
MAX_SEQUENCE = 2**63 - 1


def _text(longest: int, shortest: int = 0) -> Any:
    schema: dict[str, Any] = {"type": "string", "maxLength": longest}
    return extend_schema_field(schema | ({"minLength": shortest} if shortest else {}))


@_text(MAX_PROBLEM, MIN_PROBLEM)
class ProblemText(Text):
    pass


@_text(MAX_CONTEXT)
class ContextText(Text):
    pass


@extend_schema_field(
    {"type": "array", "maxItems": MAX_ITEMS, "items": {"type": "string", "maxLength": MAX_ITEM}, "default": []}
)
class Texts(serializers.ListField):
    child = Text()
    default_error_messages: ClassVar = {"not_a_list": "This has to be a list of texts, not {input_type}."}


@extend_schema_field({"type": "integer", "minimum": 1, "maximum": 10})
class Rounds(Whole):
    pass


@extend_schema_field(
    {"type": "array", "items": {"type": "string", "maxLength": LONGEST["slug"]}, "uniqueItems": True, "default": []}
)
class Slugs(Texts):
    pass


@_text(1000, 1)
class DocumentName(Text):
    pass


@_text(LONGEST_DOCUMENT, 1)
class DocumentText(Text):
    pass


class NewDocument(StrictSerializer):
    """A text to attach. PDF files come in a multipart request, as files."""

    name = DocumentName(help_text="What the board calls it, such as notes.md")
    text = DocumentText(help_text="Plain text or Markdown")


class NewSession(StrictSerializer):
    """A decision to bring to the board."""

    problem_statement = ProblemText(help_text="What has to be decided, by when, in your own words")
    context = ContextText(  # type: ignore[assignment]  # DRF takes fields out of the class body
        required=False, default="", help_text="Facts, figures, documents as text"
    )
    options = Texts(required=False, default=list, help_text="The options you see; the board may add others")
    constraints = Texts(required=False, default=list, help_text="What you cannot change")
    max_rounds = Rounds(required=False, allow_null=True, default=None, help_text="At most this many rounds of debate")
    cost_cap = Money(
        max_digits=10,
        decimal_places=4,
        required=False,
        allow_null=True,
        default=None,
        help_text="US dollars, above 0 and up to 10,000; the board stops before it would spend more",
    )

    review_frame = Flag(
        required=False,
        default=False,
        help_text="Wait with the frame and the board for your review before the debate begins",
    )

    experts_picked = Slugs(
        required=False, default=list, help_text=f"Personas who shall sit on the board, at most {SEATS}: …/personas/"
    )
    experts_vetoed = Slugs(required=False, default=list, help_text="Personas who shall not sit on it")
    documents = NewDocument(
        many=True, required=False, default=list, help_text=f"At most {MOST} with all files together"
    )

    @property
    def texts(self) -> list[Upload]:
        """The documents that came as text."""
        given = self.validated_data["documents"]
        return [Upload(item["name"], item["text"].encode(errors="replace")) for item in given]

    def decision(self, documents: list[Attachment]) -> Decision:
        data = dict(self.validated_data)
        return Decision(
            problem=data.pop("problem_statement"),
            picked=data.pop("experts_picked"),
            vetoed=data.pop("experts_vetoed"),
            **data | {"documents": documents},
        )


class DecisionWithFiles(serializers.Serializer[Any]):
    """The same decision with files. ``curl -F 'decision={…}' -F documents=@report.pdf``."""

    decision = NewSession(help_text="As in a JSON request")
    documents = serializers.ListField(
        child=serializers.FileField(), required=False, max_length=MOST, help_text="Plain text, Markdown or PDF"
    )


class Nothing(StrictSerializer):
    """No field is known: the body may be left out, or be ``{}``."""


@_text(MAX_TEXT)
class Said(Text):
    pass


@_text(500)
class ReasonText(Text):
    pass


class Reason(StrictSerializer):
    reason = ReasonText(required=False, default="", max_length=500, help_text="Kept in the audit trail")


class Answers(StrictSerializer):
    answers = Texts(help_text="One for each question, in order; an empty one says you do not know")
    interrupt_id = Text(
        required=False, default="", max_length=200, help_text="Of the session_waiting event: names what is answered"
    )


class PartChange(StrictSerializer):
    """What shall be otherwise in one sub-problem."""

    position = Whole(help_text="Of the part in session_waiting: 0, 1, …")
    drop = Flag(required=False, default=False, help_text="Leave this part out of the debate")
    title = Text(required=False, default="", max_length=120)
    question = Text(required=False, default="", max_length=380)
    veto = Texts(required=False, default=list, help_text="Slugs of experts who shall not sit on it; others take over")
    pick = Texts(required=False, default=list, help_text="Slugs of experts who shall")


class Review(StrictSerializer):
    """What is left out stays as the board has it; an empty body says yes to everything."""

    interrupt_id = Text(required=False, default="", max_length=200, help_text="Of the session_waiting event")
    question = Text(required=False, default="", max_length=380)
    options = Texts(required=False, default=list, help_text="All options there shall be, at least two")
    criteria = Texts(required=False, default=list)
    max_rounds = Rounds(required=False, allow_null=True, default=None)
    cost_cap = Money(max_digits=10, decimal_places=4, required=False, allow_null=True, default=None)
    parts = PartChange(many=True, required=False, default=list)

    def changes(self) -> Changes:
        data = dict(self.validated_data)
        parts = data.pop("parts")
        data.pop("interrupt_id")
        return Changes(
            **data,
            drop=[part["position"] for part in parts if part["drop"]],
            titles={part["position"]: part["title"] for part in parts if part["title"]},
            questions={part["position"]: part["question"] for part in parts if part["question"]},
            veto={part["position"]: part["veto"] for part in parts if part["veto"]},
            pick={part["position"]: part["pick"] for part in parts if part["pick"]},
        )


class Interjection(StrictSerializer):
    text = Said(help_text="Every voice that speaks from now on reads it")


class Retry(Reason):
    checkpoint_id = Text(
        required=False,
        allow_null=True,
        default=None,
        max_length=64,
        help_text="Go back to this step, from …/checkpoints. Without it the session continues after its last step, "
        "and nothing that was paid is paid again",
    )
    reuse_answers = Flag(
        required=False, default=True, help_text="With checkpoint_id: take stored answers to identical prompts"
    )


@_text(MAX_DECISION, 1)
class DecisionText(Text):
    pass


@_text(MAX_OUTCOME)
class OutcomeText(Text):
    pass


class DecisionTaken(StrictSerializer):
    """What was decided in the end; sent again, it corrects what was recorded."""

    decision = DecisionText(help_text="In your own words")
    followed = serializers.ChoiceField(choices=Followed.choices, help_text="Whether as the board recommended")
    decided_on = Day(required=False, allow_null=True, default=None, help_text="Today unless given")


class Outcome(StrictSerializer):
    """How it turned out; sent again, it corrects what was recorded."""

    hindsight = serializers.ChoiceField(
        choices=Hindsight.choices, help_text="Whether the board's recommendation turned out to be right"
    )
    outcome = OutcomeText(required=False, default="", help_text="What happened")
    judged_on = Day(required=False, allow_null=True, default=None, help_text="Today unless given")


class ListQuery(QuerySerializer):
    status = serializers.MultipleChoiceField(
        choices=Status.choices, required=False, help_text="Repeat the parameter for several"
    )
    search = serializers.CharField(
        required=False, allow_blank=True, max_length=MAX_SEARCH, help_text="Words in the title or the problem statement"
    )
    limit = serializers.IntegerField(required=False, min_value=1, max_value=MAX_LIMIT, default=DEFAULT_LIMIT)
    cursor = serializers.CharField(
        required=False, allow_blank=True, max_length=200, help_text="From “next” or “previous”"
    )

    def to_internal_value(self, data: Any) -> Any:
        value = super().to_internal_value(data)
        if "status" not in data:  # a choice field of several values reads an absent one as “none of them”
            value.pop("status", None)
        return value


class EventsQuery(QuerySerializer):
    after = serializers.IntegerField(
        required=False, default=0, min_value=0, max_value=MAX_SEQUENCE, help_text="Events above this sequence"
    )
    limit = serializers.IntegerField(required=False, default=DEFAULT_EVENTS, min_value=1, max_value=MAX_EVENTS)


class ExportQuery(QuerySerializer):
    format = serializers.ChoiceField(
        choices=[("md", "Markdown"), ("json", "JSON")], required=False, help_text="Goes before the Accept header"
    )
