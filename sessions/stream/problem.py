"""Refusals as RFC 9457 problems."""

from django.http import JsonResponse


def problem(status: int, code: str, title: str, detail: str, hint: str = "", **headers: str) -> JsonResponse:
    """``code`` is stable and for programs, ``detail`` and ``hint`` are for people. ``headers``: ``Retry_After="4"``."""
    body = {
        "type": f"/api/problems/#{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        "hint": hint,
    }
    response = JsonResponse(body, status=status, content_type="application/problem+json")
    response["Cache-Control"] = "no-store"
    for name, value in headers.items():
        response[name.replace("_", "-")] = value
    return response
