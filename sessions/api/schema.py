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
        found[(status, MEDIA_TYPE)] = OpenApiResponse(ProblemDocument, description=_codes(status))
    return found


def _codes(status: int) -> str:
    return "Codes: " + ", ".join(code for code, kind in CATALOGUE.items() if kind.status == status)


def describe_stream(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add the stream: it is an asynchronous view outside DRF, so nothing finds it by itself."""
    path = "/api/v1/sessions/{id}/stream"
    answers: dict[str, Any] = {
        "200": {
            "description": "Server-sent events: “id” is the sequence, “event” the type, “data” the same JSON as in the "
            "list of events. Ends after the terminal event.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        "204": {"description": "The session is over and you have everything"},
    }
    for status in (400, 401, 404, 429, 503):
        answers[str(status)] = {
            "description": _codes(status),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
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
