"""What callers receive."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers
from rest_framework.reverse import reverse

from replanning import models
from replanning.api.inputs import MOVES
from replanning.models import Kind, LinkKind, Priority, ProjectStatus, Stage, State
from replanning.states import REPLANNABLE, TRANSITIONS
from sessions.models import ActionProposal


class _Linked(serializers.ModelSerializer[Any]):
    def _link(self, name: str, pk: Any) -> str:
        return str(reverse(name, args=[pk], request=self.context.get("request")))


@extend_schema_serializer(component_name="Project")
class Project(_Linked):
    url = serializers.SerializerMethodField()
    status = serializers.ChoiceField(choices=ProjectStatus.choices, read_only=True)

    class Meta:
        model = models.Project
        fields = ["id", "url", "title", "description", "status", "created_at", "updated_at"]
        read_only_fields = fields

    @extend_schema_field(OpenApiTypes.URI)
    def get_url(self, project: models.Project) -> str:
        return self._link("plan_api:project", project.pk)


@extend_schema_serializer(component_name="ProjectSession")
class Link(_Linked):
    session = serializers.UUIDField(source="session_id", read_only=True)
    kind = serializers.ChoiceField(choices=LinkKind.choices, read_only=True)
    action = serializers.UUIDField(source="action_id", read_only=True, allow_null=True)

    class Meta:
        model = models.ProjectSession
        fields = ["session", "kind", "action", "created_at"]
        read_only_fields = fields


@extend_schema_serializer(component_name="ProjectDetail")
class ProjectDetail(Project):
    sessions = Link(source="links", many=True, read_only=True)
    actions_by_status = serializers.DictField(child=serializers.IntegerField(), read_only=True)

    class Meta(Project.Meta):
        fields = [*Project.Meta.fields, "sessions", "actions_by_status"]
        read_only_fields = fields


@extend_schema_serializer(component_name="PlanAction")
class Action(_Linked):
    url = serializers.SerializerMethodField()
    project = serializers.UUIDField(source="project_id", read_only=True)
    status = serializers.ChoiceField(choices=State.choices, read_only=True)
    priority = serializers.ChoiceField(choices=Priority.choices, read_only=True)
    moves = serializers.SerializerMethodField(help_text="States that it can be brought into next")
    replannable = serializers.SerializerMethodField(help_text="The board can be asked for another plan")
    session = serializers.UUIDField(source="session_id", read_only=True, allow_null=True)
    replaces = serializers.UUIDField(source="replaces_id", read_only=True, allow_null=True)
    replan_session = serializers.UUIDField(source="replan_session_id", read_only=True, allow_null=True)

    class Meta:
        model = models.Action
        fields = [
            "id", "url", "project", "title", "what", "success", "kill", "priority", "owner", "start_on", "due_on",
            "progress", "status", "blocked_reason", "held", "moves", "replannable", "started_at", "finished_at",
            "session", "replaces", "replan_session", "created_at", "updated_at",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(OpenApiTypes.URI)
    def get_url(self, action: models.Action) -> str:
        return self._link("plan_api:action", action.pk)

    @extend_schema_field(serializers.ListField(child=serializers.ChoiceField(choices=MOVES)))
    def get_moves(self, action: models.Action) -> list[str]:
        return [s.value for s in State if s in TRANSITIONS[State(action.status)] and s is not State.REPLANNED]

    def get_replannable(self, action: models.Action) -> bool:
        return action.status in REPLANNABLE


@extend_schema_serializer(component_name="ActionDependency")
class Dependency(serializers.ModelSerializer[models.ActionDependency]):
    action = serializers.UUIDField(source="action_id", read_only=True)
    predecessor = serializers.UUIDField(source="predecessor_id", read_only=True)
    kind = serializers.ChoiceField(choices=Kind.choices, read_only=True)

    class Meta:
        model = models.ActionDependency
        fields = ["id", "action", "predecessor", "kind", "lag"]
        read_only_fields = fields


@extend_schema_serializer(component_name="Replan")
class Replan(_Linked):
    url = serializers.SerializerMethodField()
    action = serializers.UUIDField(source="action_id", read_only=True)
    session = serializers.UUIDField(source="session_id", read_only=True, allow_null=True)
    stage = serializers.ChoiceField(choices=Stage.choices, read_only=True)

    class Meta:
        model = models.Replan
        fields = ["id", "url", "action", "session", "stage", "reason", "outcome", "created_at", "ended_at"]
        read_only_fields = fields

    @extend_schema_field(OpenApiTypes.URI)
    def get_url(self, replan: models.Replan) -> str:
        return self._link("plan_api:replan", replan.pk)


@extend_schema_serializer(component_name="PlanActionDetail")
class ActionDetail(Action):
    dependencies = Dependency(many=True, read_only=True)
    dependants = Dependency(many=True, read_only=True)
    replans = Replan(many=True, read_only=True)

    class Meta(Action.Meta):
        fields = [*Action.Meta.fields, "dependencies", "dependants", "replans"]
        read_only_fields = fields


@extend_schema_serializer(component_name="Proposal")
class Proposal(serializers.ModelSerializer[ActionProposal]):
    accepted_as = serializers.UUIDField(allow_null=True, read_only=True, help_text="The action it has become")

    class Meta:
        model = ActionProposal
        fields = [
            "id",
            "position",
            "title",
            "what",
            "owner",
            "due_in_days",
            "priority",
            "success",
            "kill",
            "accepted_as",
        ]
        read_only_fields = fields


@extend_schema_serializer(component_name="RejectedAction")
class RejectedRow(serializers.Serializer[Any]):
    index = serializers.IntegerField(help_text="Its place in what you sent, from 0")
    title = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()


@extend_schema_serializer(component_name="AcceptanceReport")
class Report(serializers.Serializer[Any]):
    """What came of it, row by row. The good rows are kept whatever is wrong with the others."""

    project = Project()
    accepted = Action(many=True)
    already = Action(many=True, help_text="Made of the same proposals by an earlier request")
    rejected = RejectedRow(many=True)


@extend_schema_serializer(component_name="HistoryEntry")
class Entry(serializers.Serializer[Any]):
    at = serializers.DateTimeField(source="created_at")
    who = serializers.CharField(source="actor")
    what = serializers.CharField(source="action")
    reason = serializers.CharField()
    before = serializers.DictField()
    after = serializers.DictField()


class _Page(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


@extend_schema_serializer(component_name="ProjectPage")
class ProjectPage(_Page):
    results = Project(many=True)


@extend_schema_serializer(component_name="PlanActionPage")
class ActionPage(_Page):
    results = Action(many=True)
