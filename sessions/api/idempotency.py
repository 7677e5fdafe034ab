"""``Idempotency-Key``: a request sent twice does its work once, also when both arrive at the same moment.

The key is inserted in the transaction of the work. A second request with it waits at the unique constraint until the
first has committed, and then replays its answer; when the first failed, nothing is stored and the second does the work.
Only successful answers are kept: an error changed nothing, so asking again is harmless.
"""

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

from django.db import transaction
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from sessions.api.problems import Problem
from sessions.models import IdempotencyKey

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,200}")


def once(request: Request, work: Callable[[], Response], *, sent: Any = None) -> Response:
    """The answer of ``work``, or the one it gave to the same user, path, key and body before.

    ``sent`` stands for the body where that is more than JSON, such as the digests of files.

    Raises ``Problem``: ``idempotency_key_reused`` (422) for another body, ``invalid_idempotency_key`` (400).
    """
    key = request.headers.get(HEADER)
    if key is None:
        return work()
    if not _KEY.fullmatch(key):
        raise Problem("invalid_idempotency_key")
    digest = _digest(request.data if sent is None else sent)
    with transaction.atomic():
        row, fresh = IdempotencyKey.objects.get_or_create(
            user_id=int(request.user.pk or 0),
            scope=f"{request.method} {request.path}"[:120],
            key=key,
            defaults={"digest": digest},
        )
        if not fresh:
            return _replay(row, digest)
        response = work()
        row.status, row.body = response.status_code, json.loads(JSONRenderer().render(response.data))
        row.save(update_fields=["status", "body"])
        return response


def _replay(row: IdempotencyKey, digest: str) -> Response:
    if row.digest != digest:
        raise Problem("idempotency_key_reused")
    return Response(row.body, status=row.status, headers={"Idempotency-Replayed": "true"})


def _digest(body: Any) -> str:
    """SHA-256 of the parsed body: another order of fields or other white space is still the same request."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
