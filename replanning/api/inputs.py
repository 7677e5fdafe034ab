"""What callers may send. Bounds are checked by the services; here they are only documented."""

from typing import Any

from rest_framework import serializers

from replanning import texts
from replanning.models import Kind, Priority, ProjectStatus, State
from replanning.models.dependency import MAX_LAG
from replanning.services.accept import MAX_ITEMS, Item
from sessions.api.pagination import DEFAULT_LIMIT, MAX_LIMIT
from sessions.api.strict import Day, QuerySerializer, StrictSerializer, Text, Whole

#: What a caller may ask for; *replanned* follows from accepting a new plan.
MOVES = [choice for choice in State.choices if choice[0] != State.REPLANNED]


def _title(**options: Any) -> Text:
    return Text(help_text=f"Up to {texts.MAX_TITLE} characters", **options)


class NewProject(StrictSerializer):
    title = _title()
    description = Text(required=False, default="")


class ProjectChanges(StrictSerializer):
    title = _title(required=False)
    description = Text(required=False)
    status = serializers.ChoiceField(choices=ProjectStatus.choices, required=False)


class NewLink(StrictSerializer):
    session = serializers.UUIDField()


class ActionChanges(StrictSerializer):
    """Whatever is left out stays as it is."""

    title = _title(required=False)
    what = Text(required=False, help_text="What to do, and how")
    success = Text(required=False, help_text="How one can tell that it is done")
    kill = Text(required=False, help_text="When to stop")
    priority = serializers.ChoiceField(choices=Priority.choices, required=False)
    owner = Text(required=False, help_text="Who does it: a name or a role")
    start_on = Day(required=False, allow_null=True)
    due_on = Day(required=False, allow_null=True)
    progress = Whole(required=False, help_text="0 to 100 per cent")
    blocked_reason = Text(required=False)


class NewAction(ActionChanges):
    title = _title()


class Move(StrictSerializer):
    status = serializers.ChoiceField(choices=MOVES)
    reason = Text(required=False, default="", help_text="Required to block")


class NewDependency(StrictSerializer):
    predecessor = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=Kind.choices, required=False, default=Kind.FINISH_TO_START)
    lag = Whole(required=False, default=0, help_text=f"Days, from {-MAX_LAG} to {MAX_LAG}")


class PlanReason(StrictSerializer):
    reason = Text(required=False, default="")


class Chosen(ActionChanges):
    """A proposal, with what you change about it."""

    proposal = Whole(help_text="Its id, from the session's proposals")


class Choice(StrictSerializer):
    """Which proposals to accept; leave ``actions`` out to accept all as they are."""

    actions = Chosen(many=True, required=False, max_length=MAX_ITEMS)  # type: ignore[call-arg]  # of the list

    def items(self) -> list[Item] | None:
        if "actions" not in self.validated_data:
            return None
        rows = [dict(row) for row in self.validated_data["actions"]]
        return [Item(row.pop("proposal"), row) for row in rows]


class Acceptance(Choice):
    project = serializers.UUIDField(required=False, allow_null=True, help_text="Leave it out to open a new project")
    title = _title(required=False, default="")


class ProjectsQuery(QuerySerializer):
    status = serializers.ChoiceField(choices=ProjectStatus.choices, required=False)
    limit = serializers.IntegerField(required=False, min_value=1, max_value=MAX_LIMIT, default=DEFAULT_LIMIT)
    cursor = serializers.CharField(required=False, allow_blank=True, max_length=200)


class ActionsQuery(QuerySerializer):
    status = serializers.ChoiceField(choices=State.choices, required=False)
    limit = serializers.IntegerField(required=False, min_value=1, max_value=MAX_LIMIT, default=DEFAULT_LIMIT)
    cursor = serializers.CharField(required=False, allow_blank=True, max_length=200)
