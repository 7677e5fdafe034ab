"""What the pages accept. Bounds live in the services; the forms only carry what was typed."""

from typing import Any

from django import forms

from replanning.models import Action, Kind, Priority, Project, ProjectStatus
from replanning.models.dependency import MAX_LAG
from replanning.texts import MAX_OWNER, MAX_REASON, MAX_TITLE
from sessions.models import ActionProposal


def _area(rows: int = 3) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


class _Day(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class Plain(forms.Form):
    """Labels without a colon, as on the board's pages; errors of a service find their field by name."""

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, label_suffix="", **kwargs)

    def refuse(self, field: str, message: str) -> None:
        self.add_error(field if field in self.fields else None, message)


class ProjectForm(Plain):
    title = forms.CharField(label="Title", max_length=MAX_TITLE)
    description = forms.CharField(label="What it is about", required=False, widget=_area())


class ProjectChangeForm(ProjectForm):
    status = forms.ChoiceField(label="Status", choices=ProjectStatus.choices)


class ActionForm(Plain):
    title = forms.CharField(label="Action", max_length=MAX_TITLE)
    what = forms.CharField(label="What to do, and how", required=False, widget=_area())
    owner = forms.CharField(label="Who", required=False, max_length=MAX_OWNER)
    priority = forms.ChoiceField(label="Priority", choices=Priority.choices, initial=Priority.MEDIUM)
    start_on = forms.DateField(label="Starts on", required=False, widget=_Day())
    due_on = forms.DateField(label="Due on", required=False, widget=_Day())
    success = forms.CharField(label="Done when", required=False, widget=_area(2))
    kill = forms.CharField(label="Stop when", required=False, widget=_area(2))


class ActionChangeForm(ActionForm):
    progress = forms.IntegerField(
        label="Progress in per cent", min_value=0, max_value=100, widget=forms.NumberInput(attrs={"step": 5})
    )


class ReasonForm(Plain):
    reason = forms.CharField(label="Why", required=False, max_length=MAX_REASON, widget=_area(2))

    def __init__(self, *args: Any, label: str = "Why", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].label = label


class TieForm(Plain):
    predecessor = forms.ModelChoiceField(Action.objects.none(), label="It depends on", empty_label="Choose an action")
    kind = forms.ChoiceField(label="How", choices=Kind.choices)
    lag = forms.IntegerField(label="Lag in days", initial=0, min_value=-MAX_LAG, max_value=MAX_LAG)

    def __init__(self, data: Any = None, *, action: Action, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        others = Action.objects.filter(project_id=action.project_id).exclude(pk=action.pk).only("title")
        self.fields["predecessor"].queryset = others.order_by("position", "id")  # type: ignore[attr-defined]

    def clean_predecessor(self) -> Action:
        chosen: Action = self.cleaned_data["predecessor"]
        return chosen


class TargetForm(Plain):
    """Where accepted actions go."""

    project = forms.ModelChoiceField(
        Project.objects.none(), label="Project", required=False, empty_label="A new project"
    )
    title = forms.CharField(label="Title of the new project", required=False, max_length=MAX_TITLE)

    def __init__(self, data: Any = None, *, owner: Any, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        own = Project.objects.filter(owner=owner).exclude(status=ProjectStatus.ARCHIVED)
        self.fields["project"].queryset = own  # type: ignore[attr-defined]


class ProposalForm(Plain):
    """One proposal, to be edited and taken or left."""

    take = forms.BooleanField(label="Accept this one", required=False, initial=True)
    title = forms.CharField(label="Action", required=False)
    what = forms.CharField(label="What to do, and how", required=False, widget=_area())
    owner = forms.CharField(label="Who", required=False)
    due_on = forms.DateField(label="Due on", required=False, widget=_Day())
    priority = forms.ChoiceField(label="Priority", choices=Priority.choices, required=False)
    success = forms.CharField(label="Done when", required=False, widget=_area(2))
    kill = forms.CharField(label="Stop when", required=False, widget=_area(2))

    def __init__(self, data: Any = None, *, proposal: ActionProposal, **kwargs: Any) -> None:
        super().__init__(data, prefix=f"p{proposal.pk}", **kwargs)
        self.proposal = proposal

    def changes(self) -> dict[str, Any]:
        """What was typed, without the decision to take it."""
        values = {name: value for name, value in self.cleaned_data.items() if name != "take"}
        return values | {"priority": values["priority"] or Priority.MEDIUM.value}
