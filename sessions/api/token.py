"""The caller's own token."""

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.authtoken.models import Token
from rest_framework.request import Request
from rest_framework.response import Response

from sessions.api.base import BoardView, body
from sessions.api.inputs import Nothing
from sessions.api.outputs import FreshToken, TokenState
from sessions.api.schema import problems
from sessions.services import tokens


class OwnToken(BoardView):
    @extend_schema(
        operation_id="token_state",
        summary="Whether you have a token",
        tags=["token"],
        responses={200: TokenState, **problems()},
    )
    def get(self, request: Request) -> Response:
        token = Token.objects.filter(user_id=int(request.user.pk or 0)).first()
        state = {
            "exists": token is not None,
            "ends_with": token.key[-4:] if token else "",
            "created_at": token.created if token else None,
        }
        return Response(TokenState(state).data)

    @extend_schema(
        operation_id="token_rotate",
        summary="Make a new token; the old one stops working at once",
        tags=["token"],
        request=Nothing,
        responses={201: FreshToken, **problems(400, 403, 413, 415)},
    )
    def post(self, request: Request) -> Response:
        body(Nothing, request)
        token = tokens.rotate(request.user)
        return Response(FreshToken({"token": token.key, "created_at": token.created}).data, status=201)

    @extend_schema(
        operation_id="token_revoke",
        summary="Take your token away",
        tags=["token"],
        responses={204: OpenApiResponse(description="You have no token now"), **problems(403)},
    )
    def delete(self, request: Request) -> Response:
        tokens.revoke(request.user)
        return Response(status=204)
