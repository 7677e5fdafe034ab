"""What every request passes first: its correlation id, and the question whether it can be served now."""

import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from bo1site.observability import correlation, tracing
from bo1site.resilience import metrics, pools, shedding
from bo1site.unavailable import unavailable


class _Both:
    """A middleware for synchronous and asynchronous chains: ``before`` may answer by itself."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)  # type: ignore[type-var]


class CorrelationMiddleware(_Both):
    """Takes ``X-Request-ID`` over or makes one, has every log line carry it, and returns it with the answer."""

    def __call__(self, request: HttpRequest) -> Any:
        identifier = correlation.new_id(request.headers.get(correlation.HEADER, ""))
        if self.is_async:
            return self._later(request, identifier)
        with correlation.bound(correlation_id=identifier), _traced(request) as span:
            response: HttpResponseBase = self.get_response(request)
            _tell(span, request, response)
        response.headers[correlation.HEADER] = identifier
        return response

    async def _later(self, request: HttpRequest, identifier: str) -> HttpResponseBase:
        with correlation.bound(correlation_id=identifier), _traced(request) as span:
            response: HttpResponseBase = await self.get_response(request)
            _tell(span, request, response)
        response.headers[correlation.HEADER] = identifier
        return response


def _traced(request: HttpRequest) -> AbstractContextManager[Any]:
    return tracing.span(f"{request.method}", **{"http.request.method": str(request.method), "url.path": request.path})


def _tell(span: Any, request: HttpRequest, response: HttpResponseBase) -> None:
    """By now the route is known, which groups what the path would scatter."""
    if span is not None:
        route = request.resolver_match.route if request.resolver_match else ""
        span.update_name(f"{request.method} /{route}")
        span.set_attributes({"http.route": f"/{route}", "http.response.status_code": response.status_code})


class SheddingMiddleware(_Both):
    """Answers 503 at once when the pool is full or PostgreSQL is known to be away (DB3, DB4).

    Measures at every request and remembers nothing, so that it lets requests in again the moment there is room.
    """

    def __call__(self, request: HttpRequest) -> Any:
        refusal = self.refusal(request)
        if self.is_async:
            return self._later(request, refusal)
        return refusal or self.get_response(request)

    async def _later(self, request: HttpRequest, refusal: HttpResponseBase | None) -> HttpResponseBase:
        if refusal is not None:
            return refusal
        response: HttpResponseBase = await self.get_response(request)
        return response

    @staticmethod
    def refusal(request: HttpRequest) -> HttpResponseBase | None:
        rank = shedding.rank(request.method or "GET", request.path)
        if rank is shedding.Rank.NEVER:
            return None
        wait = pools.database_gate().retry_in()
        if wait > 0:
            metrics.SHED.labels("database_away").inc()
            return unavailable(request, away=True, wait=wait)
        load = pools.load()
        if load is None:
            return None
        bounds = shedding.Bounds(settings.SHED_UTILISATION, settings.SHED_WAIT_SECONDS)
        pressure = shedding.pressure(load.in_use, load.waiting, load.size, load.longest_wait, bounds)
        if not shedding.turned_away(rank, pressure):
            return None
        metrics.SHED.labels(pressure.name.lower()).inc()
        return unavailable(request, away=False, wait=random.uniform(1, 4))  # noqa: S311 (they shall not all come back at once)
