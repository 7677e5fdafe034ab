"""The catalogue of personas: who may be picked for a board, or refused."""

from dataclasses import asdict

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from sessions.api import outputs
from sessions.api.base import BoardView
from sessions.api.schema import problems
from sessions.personas import history


class Personas(BoardView):
    @extend_schema(
        operation_id="personas_list",
        summary="Everybody whom a new board may seat",
        tags=["sessions"],
        responses={200: outputs.Persona(many=True), **problems()},
    )
    def get(self, request: Request) -> Response:
        people = [asdict(who) for who in history.current().values()]
        return Response(outputs.Persona(people, many=True).data)
