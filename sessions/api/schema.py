"""What the OpenAPI document says beyond what the views say by themselves."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from sessions.api.catalogue import CATALOGUE
from sessions.api.idempotency import HEADER
from sessions.api.outputs import ProblemDocument
from sessions.api.problems import MEDIA_TYPE

IDEMPOTENCY = OpenApiParameter(
    HEADER,
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="1 to 200 visible ASCII characters. The same key with the same body gives the same answer again, "
    "marked “Idempotency-Replayed: true”, and does nothing twice.",
)
#: Any operation may end in one of these.
ALWAYS = (401, 406, 500, 503)


def problems(*statuses: int) -> dict[Any, OpenApiResponse]:
    """The problem responses of an operation, with the codes that each status can carry."""
    found = {}
    for status in sorted({*statuses, *ALWAYS}):
        codes = ", ".join(code for code, kind in CATALOGUE.items() if kind.status == status)
        found[(status, MEDIA_TYPE)] = OpenApiResponse(ProblemDocument, description=f"Codes: {codes}")
    return found


def describe_stream(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add the stream: it is an asynchronous view outside DRF, so nothing finds it by itself."""
    path = "/api/v1/sessions/{id}/stream"
    answers = {
        "200": {
            "description": "Events in the form of server-sent events: “id” is the sequence, “event” the type, “data` "
            "the same JSON as in the events list. Ends after the terminal event.".replace("`", "”"),
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        "204": {"description": "The session is over and you have everything"},
        "401": {"description": "Not signed in"},
        "404": {"description": "No such session, or not yours"},
        "429": {"description": "Reconnecting too often; wait for Retry-After seconds"},
    }
    result["paths"][path] = {
        "get": {
            "operationId": "sessions_stream",
            "summary": "Events as they happen",
            "tags": ["sessions"],
            "parameters": [
                {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}},
                {
                    "name": "Last-Event-ID",
                    "in": "header",
                    "schema": {"type": "integer"},
                    "description": "Sequence of the last event you have; what came after it is sent first",
                },
                {"name": "lastEventId", "in": "query", "schema": {"type": "integer"}, "description": "The same"},
            ],
            "security": [{"tokenAuth": []}, {"cookieAuth": []}],
            "responses": answers,
        }
    }
    return result
