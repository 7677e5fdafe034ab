"""What staff may do to the catalogue of personas, and what each of it means for boards."""

from functools import partial
from typing import Any

from django import forms

from sessions.admin.operation import Operation, ReasonForm, reasoned
from sessions.models import PersonaVersion
from sessions.personas.catalogue import DOMAINS, LONGEST, REASONS, TEMPERAMENTS
from sessions.services import catalogue
from sessions.services.access import NotAllowed
from sessions.services.catalogue import EDIT, CatalogueRefused

REFUSALS = (CatalogueRefused, NotAllowed)


class PersonaForm(ReasonForm):
    """Bounds are the service's; here they are said."""

    name = forms.CharField(max_length=LONGEST["name"])
    method = forms.CharField(
        max_length=LONGEST["method"], help_text="How it reasons, in a few words. No other persona reasons like that."
    )
    reasons = forms.CharField(
        label="Instructions",
        widget=forms.Textarea(attrs={"rows": 8, "cols": 80}),
        help_text=f"How it thinks, said to it as “you”: {REASONS[0]} to {REASONS[1]} characters.",
    )
    domains = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3, "cols": 80}),
        help_text=f"{DOMAINS[0]} to {DOMAINS[1]} words of problems within its reach, with commas between them.",
    )
    temperament = forms.ChoiceField(choices=[(one, one.capitalize()) for one in TEMPERAMENTS])
    blind_spot = forms.CharField(
        max_length=LONGEST["blind_spot"],
        widget=forms.Textarea(attrs={"rows": 2, "cols": 80}),
        help_text="What it tends to miss. It is told so.",
    )
    field_order = ["slug", "name", "method", "reasons", "domains", "temperament", "blind_spot", "reason"]

    def clean_domains(self) -> list[str]:
        return [word for part in self.cleaned_data["domains"].split(",") if (word := " ".join(part.split()))]


class NewPersonaForm(PersonaForm):
    slug = forms.CharField(
        max_length=LONGEST["slug"],
        help_text="Its name for programs, for ever: lower-case words joined by hyphens, such as base-rates.",
    )


def content(row: PersonaVersion) -> dict[str, Any]:
    """What the form of an edit begins with."""
    return {name: getattr(row, name) for name in PersonaForm.field_order if hasattr(row, name) and name != "reason"} | {
        "domains": ", ".join(row.domains)
    }


def _revise(row: PersonaVersion, actor: Any, data: dict[str, Any]) -> PersonaVersion:
    return catalogue.revise(row, data, actor, data["reason"])


def _add(_: Any, actor: Any, data: dict[str, Any]) -> PersonaVersion:
    return catalogue.add(data, actor, data["reason"])


_operation = partial(Operation, permission=EDIT, refusals=REFUSALS)

ADD = _operation(
    label="Add a persona",
    done="added",
    consequence=lambda row: "Boards of decisions that are brought from now on may seat it.",
    service=_add,
    form=NewPersonaForm,
    bulk=False,
)

OPERATIONS = (
    _operation(
        label="Edit",
        done="revised",
        consequence=lambda row: (
            "A new version is made. Decisions that are brought from now on get it; those under way keep theirs."
        ),
        service=_revise,
        offered=lambda row: row.newest,
        form=PersonaForm,
        initial=content,
        bulk=False,
    ),
    _operation(
        label="Retire",
        done="retired",
        consequence=lambda row: (
            "No board of a decision that is brought from now on seats it. Boards that have it keep it."
        ),
        service=reasoned(catalogue.retire),
        offered=lambda row: row.newest and not row.retired,
    ),
    _operation(
        label="Restore",
        done="made the current version again",
        consequence=lambda row: f"A new version is made that reads like version {row.version}, and boards may seat it.",
        service=reasoned(catalogue.restore),
        offered=lambda row: row.retired or not row.newest,
        bulk=False,
    ),
)
