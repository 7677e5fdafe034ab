"""What the pages accept. Bounds of a decision live in ``sessions.services.start``; the forms only ask there."""

import uuid
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import ProhibitNullCharactersValidator

from sessions.models import Session
from sessions.services.start import Decision, InvalidDecision


class Prose(forms.CharField):
    """Free text as typed: the service says what is out of bounds, so that page and API say it alike."""

    def __init__(self, **options: Any) -> None:
        super().__init__(strip=False, **options)
        self.validators = [one for one in self.validators if not isinstance(one, ProhibitNullCharactersValidator)]


def area(rows: int, **attrs: str) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows, **attrs})


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

    decision: Decision

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        decision = Decision(
            problem=given.get("problem_statement", ""),
            context=given.get("context", ""),
            options=given.get("options", "").splitlines(),
            constraints=given.get("constraints", "").splitlines(),
            max_rounds=given.get("max_rounds"),
            cost_cap=given.get("cost_cap"),
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
