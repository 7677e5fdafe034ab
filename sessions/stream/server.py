"""Serves streams without the middleware chain, its threads and its tasks.

A stream needs none of what the middleware gives but the security headers, and the chain's thread hops are what a
storm of reconnects waits for. Everything that is not a stream goes to Django as it came.
"""

import asyncio
import io
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any
from uuid import UUID

from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.exception import response_for_exception
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.security import SecurityMiddleware

from sessions.stream import direct, view

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
View = Callable[[HttpRequest], Awaitable[HttpResponseBase]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_SESSION = re.compile(r"/api/v1/sessions/([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})/stream")
_OVERVIEWS: dict[str, View] = {"/api/v1/sessions/stream": view.mine, "/api/v1/operations/stream": view.everybody}


class StreamServer(ASGIHandler):
    """An ASGI application: streams here, web sockets to the one of their path, the rest to ``django``."""

    def __init__(self, django: Application, sockets: Mapping[str, Application] | None = None) -> None:
        self._django, self._sockets = django, sockets or {}
        self._security = SecurityMiddleware(lambda request: HttpResponse())
        super().__init__()

    def load_middleware(self, is_async: bool = False) -> None:
        """None."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http" and scope["method"] == "GET" and (stream := _view_of(scope["path"])):
            await self._stream(scope, receive, send, stream)
        elif scope["type"] == "http":
            await self._django(scope, receive, send)
        elif scope["type"] == "websocket" and (socket := self._sockets.get(scope["path"])):
            await socket(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 4404})

    async def _stream(self, scope: Scope, receive: Receive, send: Send, stream: View) -> None:
        request, refused = self.create_request(scope, io.BytesIO())
        response: HttpResponseBase
        if request is None:
            assert refused is not None
            response = refused
        else:
            try:
                response = await self._respond(request, stream)
            except Exception as error:  # what Django's outermost handler does
                response = response_for_exception(request, error)
        del request  # kilobytes that an hour of streaming does not need
        if isinstance(response, view.EventStream):
            await _send_stream(response, receive, send)
        else:
            await self.send_response(response, send)
        response.close()

    async def _respond(self, request: HttpRequest, stream: View) -> HttpResponseBase:
        request.get_host()  # CommonMiddleware's part: refuses a host that is not ours
        response: HttpResponseBase | None = self._security.process_request(request)
        if response is None:
            response = await stream(request)
        if isinstance(response, HttpResponse):
            response["Content-Length"] = str(len(response.content))
        return self._security.process_response(request, response)  # type: ignore[arg-type]


def _view_of(path: str) -> View | None:
    if match := _SESSION.fullmatch(path):
        return partial(view.stream, pk=UUID(match[1]))
    return _OVERVIEWS.get(path)


async def _send_stream(response: view.EventStream, receive: Receive, send: Send) -> None:
    subscription = response.subscription
    transport = getattr(getattr(send, "__self__", None), "transport", None)  # uvicorn's; others have no way to abort
    subscription.abort = getattr(transport, "abort", None)

    async def until_gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        subscription.end("left")

    headers = [(name.lower().encode("ascii"), value.encode("latin1")) for name, value in response.items()]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    subscription.writer = direct.writer(send)
    gone = asyncio.create_task(until_gone())
    try:
        async for chunk in response.chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        gone.cancel()
        await response.chunks.aclose()


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
