"""503, said honestly: a problem document for programs, a page for people, and never an unexplained 500."""

import logging
import math
import sys
from http import HTTPStatus

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views import defaults

from bo1site.resilience.database import is_transient, sqlstate
from bo1site.resilience.pools import DatabaseAway

log = logging.getLogger(__name__)

_CUT = "57014"  # a statement that ran into its time limit


def unavailable(request: HttpRequest, *, away: bool, wait: float) -> HttpResponse:
    """``away``: PostgreSQL does not answer; else there are just too many requests. ``wait`` in seconds.

    Touches neither the database nor the user.
    """
    seconds = max(1, math.ceil(wait))
    headers = {"Retry-After": str(seconds), "Cache-Control": "no-store"}
    if request.path.startswith("/api/"):
        detail = "The database does not answer." if away else "More is asked of the board than it can serve just now."
        body = {
            "type": request.build_absolute_uri("/api/problems/#unavailable"),
            "title": "The board cannot answer just now",
            "status": HTTPStatus.SERVICE_UNAVAILABLE,
            "code": "unavailable",
            "detail": detail,
            "hint": f"Try again in {seconds} s. Nothing was changed; sessions that run go on.",
        }
        return JsonResponse(body, status=503, content_type="application/problem+json", headers=headers)
    page = render_to_string("503_away.html" if away else "503.html", {"retry_after": seconds})
    return HttpResponse(page, status=503, headers=headers)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500: what failed because PostgreSQL is away or too busy is a 503, whoever noticed it."""
    error = sys.exc_info()[1]
    if isinstance(error, (OperationalError, InterfaceError)) and (is_transient(error) or sqlstate(error) == _CUT):
        refused = error.__cause__
        wait = refused.retry_in if isinstance(refused, DatabaseAway) else 3.0
        return unavailable(request, away=isinstance(refused, DatabaseAway), wait=wait)
    return defaults.server_error(request)
