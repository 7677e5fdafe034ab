"""One action: read, change, move, tie, replan."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from replanning.api import inputs, outputs
from replanning.api.base import PlanView
from replanning.history import of_action
from replanning.models import ActionDependency, Kind, State
from replanning.services import actions, dependencies
from replanning.services.replan import replan
from sessions.api.base import body
from sessions.api.idempotency import once
from sessions.api.problems import Problem
from sessions.api.schema import IDEMPOTENCY, problems


class ActionItem(PlanView):
    @extend_schema(
        operation_id="actions_read",
        summary="An action with what it depends on and its replans",
        tags=["plans"],
        responses={200: outputs.ActionDetail, **problems(404)},
    )
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(outputs.ActionDetail(self.readable_action(pk), context={"request": request}).data)

    @extend_schema(
        operation_id="actions_change",
        summary="Change an action; dates of those that depend on it follow",
        tags=["plans"],
        request=inputs.ActionChanges,
        responses={200: outputs.Action, **problems(400, 403, 404, 409, 413, 415)},
    )
    def patch(self, request: Request, pk: UUID) -> Response:
        self.readable_action(pk)
        changes = dict(body(inputs.ActionChanges, request).validated_data)
        action = actions.edit(pk, changes, actor=request.user)
        return Response(outputs.Action(action, context={"request": request}).data)


class ActionStatus(PlanView):
    @extend_schema(
        operation_id="actions_move",
        summary="Bring an action into another state",
        tags=["plans"],
        parameters=[IDEMPOTENCY],
        request=inputs.Move,
        responses={200: outputs.Action, **problems(400, 403, 404, 409, 413, 415, 422)},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        self.readable_action(pk)

        def work() -> Response:
            given = body(inputs.Move, request).validated_data
            moved = actions.move(pk, State(given["status"]), actor=request.user, reason=given["reason"])
            return Response(outputs.Action(moved, context={"request": request}).data)

        return once(request, work)


class ActionReplan(PlanView):
    @extend_schema(
        operation_id="actions_replan",
        summary="Ask the board for another plan",
        description="Answers alike for everybody who asks while a replan is open: with that one and its session.",
        tags=["plans"],
        parameters=[IDEMPOTENCY],
        request=inputs.PlanReason,
        responses={202: outputs.Replan, **problems(400, 403, 404, 409, 413, 415, 422)},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        self.readable_action(pk)

        def work() -> Response:
            given = body(inputs.PlanReason, request).validated_data
            asked = replan(pk, actor=request.user, reason=given["reason"])
            return Response(outputs.Replan(asked.replan, context={"request": request}).data, status=202)

        return once(request, work)


class ActionHistory(PlanView):
    @extend_schema(
        operation_id="actions_history",
        summary="Who did what to an action, newest first",
        tags=["plans"],
        responses={200: outputs.Entry(many=True), **problems(404)},
    )
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(outputs.Entry(of_action(self.readable_action(pk)), many=True).data)


class ActionDependencies(PlanView):
    @extend_schema(
        operation_id="actions_tie",
        summary="Let an action depend on another of its project",
        tags=["plans"],
        parameters=[IDEMPOTENCY],
        request=inputs.NewDependency,
        responses={201: outputs.Dependency, **problems(400, 403, 404, 409, 413, 415, 422)},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        self.readable_action(pk)

        def work() -> Response:
            given = body(inputs.NewDependency, request).validated_data
            row = dependencies.tie(
                pk, given["predecessor"], actor=request.user, kind=Kind(given["kind"]), lag=given["lag"]
            )
            return Response(outputs.Dependency(row).data, status=201)

        return once(request, work)


class DependencyItem(PlanView):
    @extend_schema(
        operation_id="actions_untie",
        summary="Remove a dependency",
        tags=["plans"],
        responses={204: None, **problems(403, 404, 409)},
    )
    def delete(self, request: Request, pk: UUID, number: int) -> Response:
        action = self.readable_action(pk)
        if not ActionDependency.objects.filter(pk=number, action=action).exists():
            raise Problem("not_found", "The action has no such dependency.")
        dependencies.untie(number, actor=request.user)
        return Response(status=204)
