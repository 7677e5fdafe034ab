"""May this request listen to that session, and from where? A look at the database, then pure decisions."""

import asyncio
import random
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connection
from django.http import HttpRequest, HttpResponse

from sessions.models import Session, Status
from sessions.stream import metrics, quick
from sessions.stream.credentials import NotSignedIn, Reader, identify, may_oversee
from sessions.stream.hub import Hub
from sessions.stream.limiter import Limiter
from sessions.stream.problem import problem

#: Threads that look up users and sessions: few, so that a storm of reconnects cannot take the database's connections.
_THREADS = ThreadPoolExecutor(4, thread_name_prefix="stream-admission")
_OVER = frozenset({Status.COMPLETED.value, Status.FAILED.value, Status.KILLED.value})
_MOST = 2**63 - 1

#: Of a user: whether what they ask for is over, and its newest sequence; or the response that refuses it.
Finder = Callable[[Any], tuple[bool, int] | HttpResponse]

#: Reconnects of every client of this process.
limiter = Limiter()


@dataclass(frozen=True, slots=True)
class Admission:
    """``last``: the client's last id, 0 without one; ``head`` and ``over``: the session as the table had it (0 and
    ``False`` for a stream of many sessions)."""

    reader: Reader
    last: int
    head: int
    over: bool

    @property
    def nothing_left(self) -> bool:
        return self.over and self.last == self.head


class MalformedId(ValueError):
    """The last event id is not one of ours."""


def last_event_id(request: HttpRequest) -> int:
    """``Last-Event-ID`` (a browser's own reconnect, thus newer) or ``?lastEventId=``; 0 when neither is given."""
    raw = (request.headers.get("Last-Event-ID") or request.GET.get("lastEventId") or "0").strip()
    if not (raw.isascii() and raw.isdecimal() and len(raw) <= 19) or int(raw) > _MOST:
        raise MalformedId(raw)
    return int(raw)


async def admit(request: HttpRequest, pk: UUID, hub: Hub) -> Admission | HttpResponse:
    """The admission to one session, or the response that refuses it: 401, 404, 400, 429, 503 or 204, in this order."""
    known = await quick.recognise(request, pk, hub.reads)
    if known is not None:
        reader, status, head = known
        return _decide(request, hub, pk, reader, status in _OVER, head)
    return await _admit(request, hub, pk, partial(_session, pk))


async def admit_overseer(request: HttpRequest, hub: Hub, *, everybody: bool) -> Admission | HttpResponse:
    """The admission to the reader's own sessions or to everybody's, or the refusal: 401, 403, 400, 429 or 503."""
    return await _admit(request, hub, "everybody" if everybody else "mine", _everybody if everybody else _mine)


async def _admit(request: HttpRequest, hub: Hub, what: Hashable, find: Finder) -> Admission | HttpResponse:
    found = await asyncio.get_running_loop().run_in_executor(_THREADS, _look_up, request, find)
    if isinstance(found, HttpResponse):
        return found
    return _decide(request, hub, what, *found)


def _decide(
    request: HttpRequest, hub: Hub, what: Hashable, reader: Reader, over: bool, head: int
) -> Admission | HttpResponse:
    try:
        admission = Admission(reader, last_event_id(request), head, over)
    except MalformedId as error:
        return problem(
            400,
            "malformed_event_id",
            "Malformed event id",
            f"“{str(error)[:40]}” is no event id.",
            "Send the id of the last event you received as it was, or none at all.",
        )
    client = (reader.user_id, what, request.GET.get("tab", "")[:64])
    probe = bool(request.GET.get("probe"))
    wait = limiter.waiting(client) if probe else limiter.attempt(client)
    if wait:
        return refuse(429, "too_many_reconnects", "This client reconnects too fast.", wait)
    if admission.nothing_left:
        return HttpResponse(status=204, headers={"Cache-Control": "no-store"})
    if hub.draining:
        return refuse(503, "shutting_down", "This server is being restarted.", random.randint(1, 3))  # noqa: S311
    if len(hub.subscriptions) >= hub.limits.per_process:
        return refuse(503, "streams_full", "This server has as many streams as it can carry.", 10)
    mine = hub.streams_of[reader.user_id]
    if mine >= hub.limits.per_user:
        return refuse(429, "too_many_streams", f"You have {mine} streams open, which is the most.", 10)
    if probe:
        return HttpResponse(b"{}", content_type="application/json", headers={"Cache-Control": "no-store"})
    return admission


def refuse(status: int, code: str, detail: str, wait: int) -> HttpResponse:
    """A refusal for ``wait`` seconds."""
    metrics.REFUSED.labels(code).inc()
    title = "Too many requests" if status == 429 else "Service unavailable"
    return problem(
        status, code, title, detail, f"Try again in {wait} s; no event is lost meanwhile.", Retry_After=str(wait)
    )


def _look_up(request: HttpRequest, find: Finder) -> tuple[Reader, bool, int] | HttpResponse:
    try:
        user, reader = identify(request)
        found = find(user)
    except NotSignedIn as error:
        hint = "Use the login cookie of a browser, or the header “Authorization: Token <key>”."
        return problem(401, error.code, "Not signed in", str(error), hint, WWW_Authenticate="Token")
    finally:
        connection.close()  # nothing is held while the stream is open
    return found if isinstance(found, HttpResponse) else (reader, *found)


def _session(pk: UUID, user: Any) -> tuple[bool, int] | HttpResponse:
    row = Session.objects.visible_to(user).filter(pk=pk).values_list("status", "last_sequence").first()
    if row is None:
        hint = "It may have been deleted, or it belongs to somebody else."
        return problem(404, "not_found", "Not found", "There is no such session for you.", hint)
    return row[0] in _OVER, row[1]


def _mine(user: Any) -> tuple[bool, int]:
    return False, 0


def _everybody(user: Any) -> tuple[bool, int] | HttpResponse:
    if may_oversee(user):
        return False, 0
    hint = "It takes a member of staff with the permission to view sessions. Your own are at /api/v1/sessions/stream."
    return problem(403, "forbidden", "You may not do this", "Everybody's sessions are for staff.", hint)
