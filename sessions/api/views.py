"""Sessions over HTTP: list, create, read, start, events, export."""

from uuid import UUID

from django.db.models import Q
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from sessions.api import outputs, room
from sessions.api.base import BoardView, body, checked, parameters
from sessions.api.idempotency import once
from sessions.api.inputs import DecisionWithFiles, EventsQuery, ListQuery, NewSession, Nothing
from sessions.api.multipart import taken
from sessions.api.pagination import SessionCursor
from sessions.api.schema import IDEMPOTENCY, problems
from sessions.api.strict import StrictJSONParser
from sessions.documents import read
from sessions.models import Event, Session
from sessions.services import start as starting

EXAMPLE = OpenApiExample(
    "A decision",
    request_only=True,
    value={
        "problem_statement": "Should our 14-person support team move from Leeds to Lisbon by the end of June?",
        "options": ["Move everybody", "Stay, and hire four people"],
        "constraints": ["No more than 300,000 euros in the first year"],
        "max_rounds": 3,
        "cost_cap": "2.50",
    },
)


class Sessions(BoardView):
    parser_classes = [StrictJSONParser, MultiPartParser]

    @extend_schema(
        operation_id="sessions_list",
        summary="Your sessions, newest first",
        tags=["sessions"],
        parameters=[ListQuery],
        responses={200: outputs.SessionPage, **problems(400)},
    )
    def get(self, request: Request) -> Response:
        asked = parameters(ListQuery, request)
        rows = Session.objects.visible_to(request.user)
        if asked.get("status"):
            rows = rows.filter(status__in=asked["status"])
        for word in asked.get("search", "").split():
            rows = rows.filter(Q(title__icontains=word) | Q(problem_statement__icontains=word))
        rows = rows.defer("problem_statement", "context", "options", "constraints", "failure")
        pages = SessionCursor()
        page = pages.paginate_queryset(rows, request, view=self)
        return Response(
            {
                "next": pages.get_next_link(),
                "previous": pages.get_previous_link(),
                "results": outputs.SessionSummary(page, many=True, context={"request": request}).data,
            }
        )

    @extend_schema(
        operation_id="sessions_create",
        summary="Bring a decision to the board, as a draft",
        tags=["sessions"],
        parameters=[IDEMPOTENCY],
        request={"application/json": NewSession, "multipart/form-data": DecisionWithFiles},
        examples=[EXAMPLE],
        responses={201: outputs.Session, **problems(400, 403, 413, 415, 422)},
    )
    def post(self, request: Request) -> Response:
        data, files = taken(request)
        given = checked(NewSession, data)
        uploads = [*given.texts, *files]
        documents = read(uploads)  # before the transaction: it may take seconds

        def create() -> Response:
            session = starting.create(request.user, given.decision(documents))  # type: ignore[arg-type]
            return Response(outputs.Session(session, context={"request": request}).data, status=201)

        sent = [data, [[file.name, file.sha256] for file in files]] if files else data
        answer = once(request, create, sent=sent)
        answer["Location"] = answer.data["url"]
        return answer


class SessionItem(BoardView):
    @extend_schema(
        operation_id="sessions_read",
        summary="A session with its room and its cost",
        tags=["sessions"],
        responses={200: outputs.SessionDetail, **problems(404)},
    )
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(room.read(self.session(pk), request))


class Start(BoardView):
    @extend_schema(
        operation_id="sessions_start",
        summary="Put a draft in line; the board takes it from there",
        tags=["sessions"],
        parameters=[IDEMPOTENCY],
        request=Nothing,
        responses={202: outputs.Session, **problems(400, 403, 404, 409, 413, 415, 422)},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        session = self.controlled(pk)

        def start() -> Response:
            body(Nothing, request)
            started = starting.start(session, actor=request.user)
            return Response(outputs.Session(started, context={"request": request}).data, status=202)

        return once(request, start)


class Events(BoardView):
    @extend_schema(
        operation_id="sessions_events",
        summary="What happened, in order",
        tags=["sessions"],
        parameters=[EventsQuery],
        responses={200: outputs.EventPage, **problems(400, 404)},
    )
    def get(self, request: Request, pk: UUID) -> Response:
        asked = parameters(EventsQuery, request)
        session = self.session(pk)
        rows = Event.objects.filter(session_id=session.pk, sequence__gt=asked["after"]).order_by("sequence")
        found = list(rows.values("sequence", "type", "data", "superseded", "created_at")[: asked["limit"]])
        after = found[-1]["sequence"] if found else asked["after"]
        head = max(session.last_sequence, after if found else 0)  # written while we were reading
        more = f"{request.build_absolute_uri(request.path)}?after={after}&limit={asked['limit']}"
        return Response(
            {
                "events": outputs.Event(found, many=True).data,
                "head": head,
                "after": after,
                "next": more if found and after < head else None,
                "ended": session.is_over,
            }
        )
