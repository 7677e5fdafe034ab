"""What all views of the API have in common."""

from typing import Any
from uuid import UUID

from django.http.response import HttpResponseBase
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from sessions.api.problems import Problem
from sessions.api.strict import Negotiation, QuerySerializer, StrictJSONParser, StrictSerializer
from sessions.models import Session
from sessions.services.access import require


class BoardView(APIView):
    parser_classes = [StrictJSONParser]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = Negotiation

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.headers.get("Transfer-Encoding") and not request.headers.get("Content-Length"):
            raise Problem("length_required")  # such a body would be read as an empty one

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer: HttpResponseBase = super().finalize_response(request, response, *args, **kwargs)
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer

    def session(self, pk: UUID) -> Session:
        """The session, when the caller may read it; otherwise it does not exist for them."""
        found = Session.objects.visible_to(self.request.user).filter(pk=pk).first()
        if found is None:
            raise Problem("not_found", "There is no such session, or you may not read it.")
        return found

    def controlled(self, pk: UUID) -> Session:
        """The session, when the caller may also act on it: its owner, or staff with the permission."""
        found = self.session(pk)
        require(self.request.user, found)
        return found


def parameters(schema: type[QuerySerializer], request: Request) -> dict[str, Any]:
    query = schema(data=request.query_params)
    query.is_valid(raise_exception=True)
    return dict(query.validated_data)


def body(schema: type[StrictSerializer], request: Request) -> Any:
    """The checked body, as the bound serializer."""
    return checked(schema, request.data)


def checked(schema: type[StrictSerializer], data: Any) -> Any:
    bound = schema(data=data)
    bound.is_valid(raise_exception=True)
    return bound
