"""From what a board proposes to actions: of a session, and of a replan."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from replanning.api import inputs, outputs
from replanning.api.base import PlanView
from replanning.models import Action
from replanning.services import offer
from replanning.services.accept import accept, proposals_of
from sessions.api.base import body
from sessions.api.idempotency import once
from sessions.api.schema import IDEMPOTENCY, problems


class Proposals(PlanView):
    @extend_schema(
        operation_id="sessions_proposals",
        summary="The actions that a session proposes",
        tags=["plans"],
        responses={200: outputs.Proposal(many=True), **problems(404)},
    )
    def get(self, request: Request, pk: UUID) -> Response:
        rows = proposals_of(self.session(pk).pk)
        made = dict(Action.objects.filter(proposal__in=rows).values_list("proposal_id", "pk"))
        for row in rows:
            row.accepted_as = made.get(row.pk)  # type: ignore[attr-defined]
        return Response(outputs.Proposal(rows, many=True).data)


class Accept(PlanView):
    @extend_schema(
        operation_id="sessions_accept",
        summary="Accept what a session proposes",
        description="The proposals become actions of a project, a new one unless you name one. Good rows are kept "
        "whatever is wrong with others; “rejected” names those. A proposal becomes one action, however often you ask.",
        tags=["plans"],
        parameters=[IDEMPOTENCY],
        request=inputs.Acceptance,
        responses={200: outputs.Report, **problems(400, 403, 404, 409, 413, 415, 422)},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        self.session(pk)

        def work() -> Response:
            given = body(inputs.Acceptance, request)
            if project := given.validated_data.get("project"):
                self.readable_project(project)
            report = accept(
                pk,
                actor=request.user,
                items=given.items(),
                project_id=project,
                title=given.validated_data["title"],
            )
            return Response(outputs.Report(report, context={"request": request}).data)

        return once(request, work)


class ReplanItem(PlanView):
    @extend_schema(
        operation_id="replans_read",
        summary="A replan and the stage it is in",
        tags=["plans"],
        responses={200: outputs.Replan, **problems(404)},
    )
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(outputs.Replan(self.readable_replan(pk), context={"request": request}).data)


class ReplanAccept(PlanView):
    @extend_schema(
        operation_id="replans_accept",
        summary="Put the new plan in the place of the old action",
        tags=["plans"],
        parameters=[IDEMPOTENCY],
        request=inputs.Choice,
        responses={200: outputs.Report, **problems(400, 403, 404, 409, 413, 415, 422)},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        self.readable_replan(pk)

        def work() -> Response:
            items = body(inputs.Choice, request).items()
            report = offer.accept_plan(pk, actor=request.user, items=items)
            return Response(outputs.Report(report, context={"request": request}).data)

        return once(request, work)


class ReplanDecline(PlanView):
    @extend_schema(
        operation_id="replans_decline",
        summary="Say no to the new plan",
        tags=["plans"],
        parameters=[IDEMPOTENCY],
        request=inputs.PlanReason,
        responses={200: outputs.Replan, **problems(400, 403, 404, 409, 413, 415, 422)},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        self.readable_replan(pk)

        def work() -> Response:
            given = body(inputs.PlanReason, request).validated_data
            declined = offer.decline(pk, actor=request.user, reason=given["reason"])
            return Response(outputs.Replan(declined, context={"request": request}).data)

        return once(request, work)
