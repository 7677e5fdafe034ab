"""The web process: Django, with a short way in for streams and a web socket for the staff's operations page."""

import os
from typing import Any

from bo1site.collector import leave_what_stands, look_less_often

look_less_often()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bo1site.settings")

from django.core.asgi import get_asgi_application  # noqa: E402

django = get_asgi_application()

from bo1site.observability.health import drain_on_signal  # noqa: E402
from sessions.admin import live  # noqa: E402 (needs the apps)
from sessions.stream.server import StreamServer  # noqa: E402

server = StreamServer(django, {live.PATH: live.application()})
leave_what_stands()


async def application(scope: Any, receive: Any, send: Any) -> None:
    drain_on_signal()
    await server(scope, receive, send)
