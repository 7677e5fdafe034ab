"""A session as one file to keep."""

from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from sessions import export as writer
from sessions.api.base import BoardView, parameters
from sessions.api.inputs import ExportQuery
from sessions.api.schema import problems
from sessions.api.strict import Negotiation


class MarkdownRenderer(BaseRenderer):
    media_type = "text/markdown"
    format = "md"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> Any:
        return data


class FormatFirst(Negotiation):
    """``?format=`` says it plainly, so it goes before whatever a client library puts into Accept."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        wanted = request.query_params.get("format")
        for renderer in renderers:
            if renderer.format == wanted:
                return renderer, renderer.media_type
        return super().select_renderer(request, renderers, format_suffix)


class Export(BoardView):
    renderer_classes = [MarkdownRenderer, JSONRenderer]
    content_negotiation_class = FormatFirst

    @extend_schema(
        operation_id="sessions_export",
        summary="The session as a Markdown or JSON file",
        tags=["sessions"],
        parameters=[ExportQuery],
        responses={
            (200, "text/markdown"): OpenApiTypes.STR,
            (200, "application/json"): OpenApiResponse(OpenApiTypes.OBJECT, description="The file"),
            **problems(400, 404),
        },
    )
    def get(self, request: Request, pk: UUID) -> Response:
        parameters(ExportQuery, request)
        session = self.session(pk)
        kind = request.accepted_renderer.format
        data = writer.as_json(session) if kind == "json" else writer.markdown(session)
        name = f"{writer.filename(session)}.{kind}"
        return Response(data, headers={"Content-Disposition": f'attachment; filename="{name}"'})
