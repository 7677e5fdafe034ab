"""``GET /api/v1/sessions/{id}/stream``"""

from collections.abc import AsyncGenerator
from uuid import UUID

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django_eventstream.utils import add_default_headers

from sessions.stream import body, eventstream
from sessions.stream.admission import admit
from sessions.stream.problem import problem
from sessions.stream.process import current
from sessions.stream.source import SessionSource
from sessions.stream.subscription import Subscription


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
