"""Errors as RFC 9457 problem documents, for every failure of the API."""

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from django.urls import reverse
from rest_framework import exceptions
from rest_framework.exceptions import APIException, ErrorDetail

from sessions.api.catalogue import CATALOGUE, OTHER
from sessions.documents import InvalidDocument
from sessions.services.access import NotAllowed
from sessions.services.control import InvalidWord
from sessions.services.recovery import CannotResume
from sessions.services.resolution import CannotRecord
from sessions.services.start import InvalidDecision
from sessions.transitions import IllegalTransition

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
#: Seconds a client is asked to wait when the database does not answer.
RETRY_AFTER = 5
#: Problems with more faults than this name the first ones only.
MAX_ERRORS = 30


class FieldError(TypedDict):
    """One fault. ``field`` is a path such as ``options.2``; empty for the body as a whole."""

    field: str
    code: str
    detail: str


class Problem(APIException):
    """Raise this to answer with a code of the catalogue. ``detail`` says what is wrong with this very request."""

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        hint: str = "",
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        kind = CATALOGUE.get(code, OTHER)
        self.status_code = kind.status
        self.code, self.text, self.hint = code, detail or f"{kind.title}.", hint or kind.hint
        self.errors, self.headers = list(errors), dict(headers or {})
        super().__init__(self.text, code)


def response(request: HttpRequest | None, problem: Problem) -> JsonResponse:
    """The answer to ``problem``. Not a DRF response: an error looks the same whatever format was asked for."""
    kind = CATALOGUE.get(problem.code, OTHER)
    address = f"{reverse('api:problems')}#{problem.code}"
    body: dict[str, Any] = {
        "type": request.build_absolute_uri(address) if request is not None else address,
        "title": kind.title,
        "status": problem.status_code,
        "code": problem.code,
        "detail": problem.text,
        "hint": problem.hint,
    }
    if problem.errors:
        body["errors"] = problem.errors[:MAX_ERRORS]
    headers = {"Cache-Control": "no-store", **problem.headers}
    return JsonResponse(body, status=problem.status_code, content_type=MEDIA_TYPE, headers=headers)


def handle(exc: Exception, context: Mapping[str, Any]) -> JsonResponse:
    """DRF's exception handler. What is not foreseen is logged in full and told to the caller in no detail."""
    request = getattr(context.get("request"), "_request", None)
    problem = _known(exc)
    if problem is None:
        problem = Problem("internal_error")
        got_request_exception.send(sender=type(context.get("view")), request=request)
        log.error("unforeseen error in %s", getattr(request, "path", "the API"), exc_info=exc)
    elif problem.status_code == 503:
        log.warning("the database did not answer: %s", exc)
    problem.headers |= _headers(exc)
    return response(request, problem)


def _headers(exc: Exception) -> dict[str, str]:
    headers = {}
    if challenge := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = str(challenge)
    wait = getattr(exc, "wait", None)
    if isinstance(exc, exceptions.Throttled) and wait is not None:
        headers["Retry-After"] = str(max(1, math.ceil(wait)))
    return headers


def _known(exc: Exception) -> Problem | None:
    match exc:
        case Problem():
            return exc
        case InvalidDecision() | InvalidDocument():
            return from_errors([FieldError(field=exc.field, code=exc.code, detail=str(exc))])
        case CannotRecord():
            fault = [FieldError(field=exc.field, code=exc.code, detail=str(exc))] if exc.field else []
            return Problem(exc.code, str(exc), errors=fault)
        case IllegalTransition():
            return Problem("illegal_transition", str(exc))
        case NotAllowed():
            return Problem("forbidden", str(exc))
        case CannotResume() | InvalidWord():
            return Problem(exc.code, str(exc))
        case Http404() | exceptions.NotFound():
            return Problem("not_found")
        case RequestDataTooBig():
            return Problem("too_large")
        case SuspiciousOperation():
            return Problem("bad_request")
        case OperationalError() | InterfaceError():
            return Problem("unavailable", headers={"Retry-After": str(RETRY_AFTER)})
        case DjangoPermissionDenied():
            return Problem("forbidden")
        case APIException():
            return _from_framework(exc)
    return None


def _from_framework(exc: APIException) -> Problem | None:
    text = str(exc.detail)
    match exc:
        case exceptions.ValidationError():
            return from_errors(list(flattened(exc.detail)))
        case exceptions.ParseError():
            return Problem("malformed_json", text)
        case exceptions.NotAuthenticated():
            return Problem("not_authenticated")
        case exceptions.AuthenticationFailed():
            return Problem("invalid_token", text)
        case exceptions.PermissionDenied():
            return Problem("csrf_failed", text) if text.startswith("CSRF") else Problem("forbidden")
        case exceptions.MethodNotAllowed():
            return Problem("method_not_allowed", text)
        case exceptions.NotAcceptable():
            return Problem("not_acceptable")
        case exceptions.UnsupportedMediaType():
            return Problem("unsupported_media_type")
        case exceptions.Throttled():
            return Problem("throttled")
    return None


def from_errors(errors: list[FieldError]) -> Problem:
    """One problem for all faults. Its code is theirs when they agree; a field that does not exist goes before all."""
    codes = {error["code"] for error in errors}
    first = next((e for e in errors if e["code"] in ("unknown_field", "unknown_parameter")), errors[0])
    if len(codes) == 1 or first["code"].startswith("unknown_"):
        return Problem(first["code"], first["detail"], errors=errors)
    if any(code.endswith("_parameter") for code in codes):
        return Problem("invalid_parameter", first["detail"], errors=errors)
    fields = ", ".join(dict.fromkeys(e["field"] for e in errors[:MAX_ERRORS] if e["field"]))
    return Problem("invalid_input", f"Please correct: {fields}.", errors=errors)


#: DRF's codes in our words.
_CODES = {
    "null": "wrong_type",
    "invalid": "wrong_type",
    "not_a_list": "wrong_type",
    "null_characters_not_allowed": "control_characters",
    "surrogate_characters_not_allowed": "control_characters",
    "max_length": "too_long",
    "max_digits": "invalid_number",
    "max_decimal_places": "invalid_number",
    "max_whole_digits": "invalid_number",
    "max_string_length": "invalid_number",
}


def flattened(detail: Any, path: str = "") -> Iterator[FieldError]:
    """DRF's nested error detail as a flat list, each fault with the path of its field."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            step = "" if name == "non_field_errors" else str(name)
            yield from flattened(inner, f"{path}.{step}" if path and step else path or step)
    elif isinstance(detail, (list, tuple)):
        for inner in detail:
            yield from flattened(inner, path)
    else:
        code = str(detail.code) if isinstance(detail, ErrorDetail) else "invalid"
        code = _CODES.get(code, code)
        text = f"“{path}” is missing." if code == "required" and path else str(detail)
        yield FieldError(field=path, code=code, detail=text)
