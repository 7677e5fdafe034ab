"""django-eventstream as it comes: its view, its storage, its listener manager, events sent with ``send_event``."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.bench.stock_stream_settings")

from typing import Any

import django_eventstream
from asgiref.sync import sync_to_async
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django_eventstream import views

app = get_asgi_application()
views.listener_manager = views.ListenerManager()


def write(count: int, text: str) -> None:
    from django.db import connection

    for _ in range(count):
        django_eventstream.send_event("bench", "interjection", {"text": text})
    connection.close()


async def send(request: HttpRequest) -> HttpResponse:
    await sync_to_async(write)(int(request.GET["count"]), request.GET["text"])
    return HttpResponse("ok")


async def stream(request: HttpRequest, session: str) -> Any:
    last = request.GET.get("lastEventId")
    if last:
        request.META["HTTP_LAST_EVENT_ID"] = f"bench:{max(1, int(last))}"
    return await sync_to_async(views.events)(request, channels=["bench"])


urlpatterns = [path("send", send), path("api/v1/sessions/<str:session>/stream", stream)]
