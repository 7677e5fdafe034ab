"""Response headers that keep a page to what it was built from."""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

#: Pages use no inline script, no inline style and nothing from another host, so the policy can say just that.
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
#: The API browser brings a script block of its own; it shows no text of users or models.
DOCS_POLICY = POLICY.replace("script-src 'self'", "script-src 'self' 'unsafe-inline'").replace(
    "style-src 'self'", "style-src 'self' 'unsafe-inline'"
)
DOCS_PREFIX = "/api/docs/"


class ContentSecurityPolicyMiddleware:
    """Sets ``Content-Security-Policy`` and ``Permissions-Policy`` unless the view has set its own.

    Works in a synchronous and in an asynchronous chain, so that it costs event streams no thread.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self.is_async:
            return self._later(request)
        return self._guard(request, self.get_response(request))

    async def _later(self, request: HttpRequest) -> HttpResponseBase:
        return self._guard(request, await self.get_response(request))

    @staticmethod
    def _guard(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if settings.DEBUG and response.status_code >= 400:
            return response  # Django's debug pages style themselves inline
        policy = DOCS_POLICY if request.path.startswith(DOCS_PREFIX) else POLICY
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        return response
