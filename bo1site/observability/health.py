"""Whether this process lives, whether it should be sent requests, and (for staff) how each of its parts is."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse

log = logging.getLogger(__name__)

Part = Callable[[], dict[str, Any]]
_parts: dict[str, Part] = {}
_draining = threading.Event()
_STARTED = time.monotonic()
_listening = False


def register(name: str, part: Part) -> None:
    """Show ``part()`` under ``name`` in /health/detail; its ``state`` is a word, the rest is up to it."""
    _parts[name] = part


def live(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers at all; touches nothing else."""
    return JsonResponse({"status": "live"})


def ready(request: HttpRequest) -> JsonResponse:
    """200 when PostgreSQL answers and the process means to stay, else 503 with the reason in plain words."""
    if _draining.is_set():
        return _unready("draining", "This process is about to stop", 1)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return _unready("unready", "PostgreSQL does not answer", 5)
    return JsonResponse({"status": "ready"})


def detail(request: HttpRequest) -> JsonResponse:
    """Every part's state, for staff. Answers also while PostgreSQL is away, to whoever may read /metrics then."""
    from bo1site.observability.metrics import _allowed

    if not _allowed(request):
        return JsonResponse({"status": 403, "code": "forbidden", "detail": "This is for staff."}, status=403)
    return JsonResponse(
        {
            "status": "draining" if _draining.is_set() else "live",
            "role": settings.ROLE,
            "host": settings.HOST,
            "pid": os.getpid(),
            "up_seconds": round(time.monotonic() - _STARTED),
            "parts": {name: _state(part) for name, part in sorted(_parts.items())},
        },
        headers={"Cache-Control": "no-store"},
    )


def _state(part: Part) -> dict[str, Any]:
    try:
        return part()
    except Exception as error:
        return {"state": "unknown", "error": f"{type(error).__name__}: {error}"}


def _unready(status: str, reason: str, wait: int) -> JsonResponse:
    return JsonResponse({"status": status, "reason": reason}, status=503, headers={"Retry-After": str(wait)})


def is_draining() -> bool:
    return _draining.is_set()


def drain_on_signal() -> None:
    """At SIGTERM be unready at once, and pass the signal on after ``DRAIN_SECONDS``: a balancer that asks
    /health/ready has by then stopped sending requests, and none is refused.

    Called with every request, for a server installs its own handler only after it has loaded the application.
    """
    global _listening
    if _listening or threading.current_thread() is not threading.main_thread():
        return
    _listening = True
    before = signal.getsignal(signal.SIGTERM)
    if not callable(before):
        return
    handler = before

    def handle(signum: int, frame: FrameType | None) -> None:
        again = _draining.is_set()
        _draining.set()
        if again or settings.DRAIN_SECONDS <= 0:
            handler(signum, frame)
            return
        timer = threading.Timer(settings.DRAIN_SECONDS, handler, (signum, None))
        timer.daemon = True
        timer.start()

    signal.signal(signal.SIGTERM, handle)
