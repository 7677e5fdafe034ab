"""``GET /api/v1/sessions/{id}/stream``, and of many sessions ``/api/v1/sessions/stream`` and
``/api/v1/operations/stream``."""

from collections.abc import AsyncGenerator
from uuid import UUID

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django_eventstream.utils import add_default_headers

from sessions.stream import body, eventstream
from sessions.stream.admission import admit, admit_overseer
from sessions.stream.overview import EVERYBODY, Overview
from sessions.stream.overview_source import OverviewSource
from sessions.stream.problem import problem
from sessions.stream.process import current
from sessions.stream.source import SessionSource
from sessions.stream.subscription import Overseeing, Subscription


class EventStream(StreamingHttpResponse):
    """A stream that a server adapter may also send by hand: ``chunks`` are its bytes, ``subscription`` its handle."""

    def __init__(self, chunks: AsyncGenerator[bytes, None], subscription: Subscription, request: HttpRequest) -> None:
        super().__init__(chunks, content_type="text/event-stream; charset=utf-8")
        self.chunks, self.subscription = chunks, subscription
        add_default_headers(self, request)  # type: ignore[no-untyped-call]
        self["Content-Encoding"] = "identity"  # GZipMiddleware would hold events back until its buffer is full
        self["X-Content-Type-Options"] = "nosniff"


async def stream(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """Every event of the session after ``Last-Event-ID`` (or ``?lastEventId=``), then those to come.

    ``?live=1`` adds what is being written right now, as ``speaking`` messages without an id.
    204 when the session is over and the client has everything. ``?probe=1`` answers with the same statuses and without
    a stream, and is not counted as a connection. docs/streaming.md is the contract.
    """
    if request.method != "GET":
        return problem(405, "method_not_allowed", "Method not allowed", "A stream is read with GET.", Allow="GET")
    hub = current()
    admission = await admit(request, pk, hub)
    if isinstance(admission, HttpResponse):
        return admission
    subscription = Subscription(str(pk), admission.reader, live=request.GET.get("live") == "1")
    source = SessionSource(hub, subscription, admission.last, admission.head)
    chunks = body.chunks(hub, subscription, source, registered=eventstream.listening(subscription))
    return EventStream(chunks, subscription, request)


async def mine(request: HttpRequest) -> HttpResponseBase:
    """The state of every session of the caller, as it changes. docs/streaming.md is the contract."""
    return await _overview(request, everybody=False)


async def everybody(request: HttpRequest) -> HttpResponseBase:
    """The same of everybody's sessions, for staff with the permission to view them."""
    return await _overview(request, everybody=True)


async def _overview(request: HttpRequest, *, everybody: bool) -> HttpResponseBase:
    if request.method != "GET":
        return problem(405, "method_not_allowed", "Method not allowed", "A stream is read with GET.", Allow="GET")
    hub = current()
    admission = await admit_overseer(request, hub, everybody=everybody)
    if isinstance(admission, HttpResponse):
        return admission
    subscription = Overseeing("", admission.reader, everybody=everybody)
    owner = EVERYBODY if everybody else admission.reader.user_id
    assert isinstance(hub.overview, Overview)
    source = OverviewSource(hub.overview, subscription, owner, admission.last)
    chunks = body.chunks(hub, subscription, source, registered=eventstream.listening(subscription))
    return EventStream(chunks, subscription, request)
