"""After the board: the decision taken, its outcome, and how well confidence has fitted outcomes so far."""

import dataclasses
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from sessions import track_record
from sessions.api import inputs, outputs
from sessions.api.base import BoardView, body
from sessions.api.idempotency import once
from sessions.api.problems import Problem
from sessions.api.schema import IDEMPOTENCY, problems
from sessions.models import Resolution
from sessions.services import resolution


class DecisionTaken(BoardView):
    @extend_schema(
        operation_id="sessions_decision",
        summary="What was decided in the end, and how it turned out",
        tags=["sessions"],
        responses={200: outputs.Resolution, **problems(404)},
    )
    def get(self, request: Request, pk: UUID) -> Response:
        found = Resolution.objects.filter(session=self.session(pk)).first()
        if found is None:
            raise Problem("not_found", "No decision is recorded for this session.")
        return Response(outputs.Resolution(found).data)

    @extend_schema(
        operation_id="sessions_decide",
        summary="Record what you decided in the end",
        tags=["sessions"],
        parameters=[IDEMPOTENCY],
        request=inputs.DecisionTaken,
        responses={200: outputs.Resolution, **problems(400, 403, 404, 409, 413, 415, 422)},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        session = self.controlled(pk)

        def work() -> Response:
            given = body(inputs.DecisionTaken, request).validated_data
            return Response(outputs.Resolution(resolution.decide(session, request.user, **given)).data)

        return once(request, work)


class Outcome(BoardView):
    @extend_schema(
        operation_id="sessions_outcome",
        summary="Record how it turned out",
        tags=["sessions"],
        parameters=[IDEMPOTENCY],
        request=inputs.Outcome,
        responses={200: outputs.Resolution, **problems(400, 403, 404, 409, 413, 415, 422)},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        session = self.controlled(pk)

        def work() -> Response:
            given = body(inputs.Outcome, request).validated_data
            return Response(outputs.Resolution(resolution.judge(session, request.user, **given)).data)

        return once(request, work)


class Calibration(BoardView):
    @extend_schema(
        operation_id="calibration_read",
        summary="How sure the board was in your decisions, against how they turned out",
        tags=["sessions"],
        responses={200: outputs.Calibration, **problems()},
    )
    def get(self, request: Request) -> Response:
        found = track_record.of(request.user)
        data = dataclasses.asdict(found.calibration)
        data |= {"is_few": found.calibration.is_few, "left_out": found.left_out}
        return Response(outputs.Calibration(data).data)
