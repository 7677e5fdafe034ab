"""What the page of a decision taken accepts. Bounds live in ``sessions.services.resolution``."""

from typing import Any

from django import forms
from django.utils import timezone

from sessions.forms import Prose, area
from sessions.models import Followed, Hindsight, Resolution

#: Nothing is chosen beforehand: a judgement is not to be had by pressing a button.
_NONE = [("", "Choose")]


def _day(label: str) -> forms.DateField:
    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    return forms.DateField(label=label, widget=widget, initial=timezone.localdate)


class _Recorded(forms.Form):
    """Filled with what is recorded already; errors of the service find their field by name."""

    def __init__(self, data: Any = None, *, recorded: Resolution | None) -> None:
        initial = {name: getattr(recorded, name) for name in self.base_fields} if recorded else {}
        super().__init__(data, initial={name: value for name, value in initial.items() if value}, label_suffix="")

    def refuse(self, field: str, message: str) -> None:
        self.add_error(field if field in self.fields else None, message)


class DecisionTakenForm(_Recorded):
    decision = Prose(label="What you decided", help_text="One or two sentences, in your own words.", widget=area(4))
    followed = forms.ChoiceField(label="Compared with the recommendation", choices=_NONE + Followed.choices)
    decided_on = _day("Decided on")


class OutcomeForm(_Recorded):
    hindsight = forms.ChoiceField(
        label="In hindsight, what the board recommended was",
        help_text="Also if you decided otherwise: judge the recommendation, not the luck.",
        choices=_NONE + Hindsight.choices,
    )
    outcome = Prose(label="What happened", required=False, widget=area(4))
    judged_on = _day("Judged on")
