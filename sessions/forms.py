"""What the pages accept. Bounds of a decision live in ``sessions.services.start``; the forms only ask there."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar, cast

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import ProhibitNullCharactersValidator
from django.http import QueryDict

from sessions.documents import Attachment, InvalidDocument, Upload, count, read, weigh_together
from sessions.documents.attachment import LARGEST, MOST
from sessions.models import Document, Session
from sessions.personas import Persona, history
from sessions.services.review import Changes
from sessions.services.start import Decision, InvalidDecision

N = TypeVar("N")


class Prose(forms.CharField):
    """Free text as typed: the service says what is out of bounds, so that page and API say it alike."""

    def __init__(self, **options: Any) -> None:
        super().__init__(strip=False, **options)
        self.validators = [one for one in self.validators if not isinstance(one, ProhibitNullCharactersValidator)]


def area(rows: int, **attrs: str) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows, **attrs})


class Ticks(forms.CheckboxSelectMultiple):
    """Boxes that a page draws itself; the field as a whole has an address that an error can lead to."""

    def id_for_label(self, id_: str, index: str | None = None) -> str:
        return id_ if index is None else super().id_for_label(id_, index)


class Slugs(forms.MultipleChoiceField):
    """Personas by slug. The service says who exists, so that page and API say it alike."""

    widget = Ticks

    def valid_value(self, value: Any) -> bool:
        return True


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class Files(forms.FileField):
    """Several files, read by their content: ``sessions.documents`` says which cannot be taken, and why."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            widget=FilesInput(attrs={"accept": ".txt,.md,.markdown,.pdf,text/plain,application/pdf"}), **options
        )

    def clean(self, data: Any, initial: Any = None) -> list[Attachment]:
        files = data if isinstance(data, (list, tuple)) else [data] if data else []
        try:
            return read([Upload(file.name or "", file.read()) for file in files])
        except InvalidDocument as refused:
            raise ValidationError(str(refused), code=refused.code) from None


class DecisionForm(forms.Form):
    """After ``is_valid()`` the checked decision is in ``decision``."""

    key = forms.UUIDField(widget=forms.HiddenInput)
    problem_statement = Prose(
        label="What do you have to decide?",
        help_text="In your own words: the situation, what is at stake, and by when.",
        widget=area(11, required="", autofocus=""),
        error_messages={"required": "Describe the decision: what has to be decided, and by when."},
    )
    options = Prose(
        label="Options you see",
        help_text="One per line. Leave it empty and the board will name them.",
        required=False,
        widget=area(4),
    )
    constraints = Prose(
        label="What cannot be changed",
        help_text="One per line: dates, money, people, promises.",
        required=False,
        widget=area(4),
    )
    context = Prose(
        label="Background",
        help_text="Figures, notes, mails – whatever the board should know.",
        required=False,
        widget=area(6),
    )
    documents = Files(
        label="Documents",
        help_text=f"Plain text, Markdown or PDF, at most {MOST} of {LARGEST // 10**6} MB each. The board reads them.",
        required=False,
    )
    #: Positions of documents of the earlier decision that this one is brought with again.
    documents_kept = forms.TypedMultipleChoiceField(
        label="Documents of the earlier decision",
        required=False,
        coerce=int,
        widget=Ticks,
        error_messages={"invalid_choice": "The earlier decision has no such document."},
    )
    experts_picked = Slugs(label="Experts you want", required=False)
    experts_vetoed = Slugs(label="Experts you do not want", required=False)
    max_rounds = forms.IntegerField(
        label="Rounds of debate, at most",
        help_text="The board stops earlier when nothing new is said.",
        min_value=1,
        max_value=10,
        required=False,
        error_messages={
            "min_value": "Choose between 1 and 10 rounds.",
            "max_value": "Choose between 1 and 10 rounds.",
            "invalid": "Give the number of rounds in digits.",
        },
    )
    cost_cap = forms.DecimalField(
        label="Cost cap in US dollars",
        help_text="The board stops before it spends more. Empty means no cap.",
        required=False,
        max_digits=9,
        decimal_places=4,
        widget=forms.NumberInput(attrs={"min": "0.01", "max": "10000", "step": "0.01", "inputmode": "decimal"}),
        error_messages={"invalid": "Give the cap as a number such as 2.50."},
    )

    review_frame = forms.BooleanField(
        label="Show me the question and the board before the debate begins",
        help_text="The board waits for your yes. You can change the question, the options and who sits on it.",
        required=False,
    )

    decision: Decision

    def __init__(self, *args: Any, earlier: Session | None = None, **options: Any) -> None:
        """``earlier``: the decision that this one was begun from, whose documents may be kept."""
        super().__init__(*args, **options)
        self.earlier = earlier
        self._papers = {str(one.position): one for one in earlier.documents.all()} if earlier else {}
        kept = cast(forms.TypedMultipleChoiceField, self.fields["documents_kept"])
        kept.choices = [(position, one.name) for position, one in self._papers.items()]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        decision = Decision(
            problem=given.get("problem_statement", ""),
            context=given.get("context", ""),
            options=given.get("options", "").splitlines(),
            constraints=given.get("constraints", "").splitlines(),
            max_rounds=given.get("max_rounds"),
            cost_cap=given.get("cost_cap"),
            review_frame=given.get("review_frame", False),
            picked=given.get("experts_picked", []),
            vetoed=given.get("experts_vetoed", []),
            documents=self._documents(given),
        )
        try:
            self.decision = decision.checked()
        except InvalidDecision as problem:
            if problem.field not in self.errors:
                self.add_error(
                    problem.field if problem.field in self.fields else None,
                    ValidationError(str(problem), code=problem.code),
                )
        return given

    def _documents(self, given: dict[str, Any]) -> list[Attachment]:
        """Those kept, then the new ones; bounded together."""
        kept = [_attached(self._papers[str(position)]) for position in given.get("documents_kept", [])]
        papers = [*kept, *given.get("documents", [])]
        if kept:
            try:
                count(len(papers))
                weigh_together(one.size for one in papers)
            except InvalidDocument as refused:
                self.add_error("documents", ValidationError(str(refused), code=refused.code))
        return papers

    @property
    def papers(self) -> list["Paper"]:
        """Documents of the earlier decision, with what is ticked."""
        ticked = {str(position) for position in self["documents_kept"].value() or []}
        return [Paper(one, position in ticked) for position, one in self._papers.items()]

    @property
    def experts(self) -> list["Expert"]:
        """Everybody whom a new board may seat, by method, with what is ticked."""
        picked, vetoed = self["experts_picked"].value() or [], self["experts_vetoed"].value() or []
        people = sorted(history.current().values(), key=lambda who: who.method.casefold())
        return [Expert(who, who.slug in picked, who.slug in vetoed) for who in people]


@dataclass(frozen=True, slots=True)
class Expert:
    who: Persona
    picked: bool
    vetoed: bool


@dataclass(frozen=True, slots=True)
class Paper:
    row: Document
    kept: bool


def _attached(row: Document) -> Attachment:
    """A stored document as it was when it was read."""
    return Attachment(row.name, row.kind, row.size, row.pages, row.text, row.sha256)


def blank_values() -> dict[str, Any]:
    """What an empty form begins with; the key makes one form one session."""
    return {"key": uuid.uuid4(), "max_rounds": settings.BOARD_MAX_ROUNDS}


def values_of(decision: Decision) -> dict[str, Any]:
    return {
        "problem_statement": decision.problem,
        "context": decision.context,
        "options": "\n".join(decision.options),
        "constraints": "\n".join(decision.constraints),
    }


def decision_of(session: Session) -> Decision:
    return Decision(session.problem_statement, session.context, list(session.options), list(session.constraints))


def changes_of(typed: QueryDict) -> Changes:
    """What the form of the review says. Its fields hold what was shown, so what was left alone comes back as it was.

    Raises ``InvalidDecision`` for a number that is none.
    """
    shown = range(len(typed.getlist("part")))
    return Changes(
        question=typed.get("question", ""),
        options=typed.get("options", "").splitlines(),
        criteria=typed.get("criteria", "").splitlines(),
        max_rounds=_number(typed, "max_rounds", int, "Give the number of rounds in digits."),
        cost_cap=_number(typed, "cost_cap", Decimal, "Give the cap as a number such as 2.50."),
        drop=[n for n in shown if len(shown) > 1 and f"keep-{n}" not in typed],
        titles={n: typed.get(f"title-{n}", "") for n in shown},
        questions={n: typed.get(f"question-{n}", "") for n in shown},
        veto={n: typed.getlist(f"veto-{n}") for n in shown},
        pick={n: [slug for slug in typed.getlist(f"pick-{n}") if slug] for n in shown},
    )


def _number(typed: QueryDict, name: str, kind: Callable[[str], N], otherwise: str) -> N | None:
    text = typed.get(name, "").strip()
    try:
        value = kind(text) if text else None
    except (ValueError, InvalidOperation):
        raise InvalidDecision("invalid_number", name, otherwise) from None
    if isinstance(value, Decimal) and not value.is_finite():
        raise InvalidDecision("invalid_number", name, otherwise)
    return value


def review_form(shown: dict[str, Any], typed: QueryDict | None = None) -> dict[str, Any]:
    """The values of the review's form: what was ``shown``, or what its owner has ``typed`` over it."""
    values = {
        **shown,
        "options": "\n".join(shown["options"]),
        "criteria": "\n".join(shown["criteria"]),
        "cost_cap": None,
    }
    values["parts"] = [
        {**part, "kept": True, "vetoed": [], "picked": "", "waits_for": [needed + 1 for needed in part["depends_on"]]}
        for part in shown["parts"]
    ]
    if typed is None:
        return values
    for name in ("question", "options", "criteria", "max_rounds", "cost_cap"):
        values[name] = typed.get(name, values[name])
    for part in values["parts"]:
        n = part["position"]
        part["title"] = typed.get(f"title-{n}", part["title"])
        part["question"] = typed.get(f"question-{n}", part["question"])
        part["kept"] = len(values["parts"]) == 1 or f"keep-{n}" in typed
        part["vetoed"], part["picked"] = typed.getlist(f"veto-{n}"), typed.get(f"pick-{n}", "")
    return values
