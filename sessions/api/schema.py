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
    """Add the streams: they are asynchronous views outside DRF, so nothing finds them by itself."""
    session_id = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
    live = {
        "name": "live",
        "in": "query",
        "schema": {"type": "integer", "enum": [1]},
        "description": "Also what is being written right now, as “speaking” messages without an id",
    }
    over = {"204": {"description": "The session is over and you have everything"}}
    one = _stream(
        "sessions_stream",
        "Events as they happen",
        "“id” is the sequence, “event” the type, “data” the same JSON as in the list of events. Ends after the "
        "terminal event.",
        (400, 401, 404, 429, 503),
    )
    one["parameters"] = [session_id, *one["parameters"], live]
    one["responses"] |= over
    many = "“session_changed” with a session's state, and “overview” with the number of sessions by status; both as "
    many += "docs/streaming.md says. Does not end by itself."
    result["paths"]["/api/v1/sessions/{id}/stream"] = {"get": one}
    result["paths"]["/api/v1/sessions/stream"] = {
        "get": _stream("sessions_overview_stream", "Your sessions as they change", many, (400, 401, 429, 503))
    }
    result["paths"]["/api/v1/operations/stream"] = {
        "get": _stream(
            "operations_stream", "Everybody's sessions as they change (staff)", many, (400, 401, 403, 429, 503)
        )
    }
    return result


def _stream(name: str, summary: str, messages: str, refusals: tuple[int, ...]) -> dict[str, Any]:
    answers: dict[str, Any] = {
        "200": {
            "description": f"Server-sent events: {messages}",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    }
    for status in refusals:
        answers[str(status)] = {
            "description": _codes(status),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
        }
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["sessions"],
        "parameters": [
            {
                "name": "Last-Event-ID",
                "in": "header",
                "schema": {"type": "integer"},
                "description": "The last id you were given; what came after it is sent first",
            },
            {"name": "lastEventId", "in": "query", "schema": {"type": "integer"}, "description": "The same"},
        ],
        "security": [{"tokenAuth": []}, {"cookieAuth": []}],
        "responses": answers,
    }
