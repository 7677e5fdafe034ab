"""OpenTelemetry, for boards that want it (MO1). Without ``TRACING=1`` none of it is imported and a span is nothing.

Request, session and attempt at a model live in different processes, and no context is passed along beside the work:
the trace id is made of the correlation id, which travels with the session already. So whatever carries one id in the
logs is one trace, whichever process sent which part, and a sampler decides alike everywhere.
"""

import contextlib
import hashlib
import logging
import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from importlib.util import find_spec
from typing import Any

from django.conf import settings

from bo1site.observability import correlation

#: What ``pip install`` needs to hear; named by the system check.
PACKAGES = ("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http")

log = logging.getLogger(__name__)

_HEX = re.compile(r"[0-9a-f]{32}")
_tracer: tuple[int, Any] | None = None


def installed() -> bool:
    """Whether what sends traces can be imported."""
    try:
        return all(find_spec(f"opentelemetry.{part}") for part in ("sdk.trace", "exporter.otlp.proto.http"))
    except (ModuleNotFoundError, ValueError):  # ValueError: there in name only
        return False


def trace_id(identifier: str) -> int:
    """128 bits, not 0: the correlation id itself where it looks like a trace id, else its digest."""
    digits = identifier if _HEX.fullmatch(identifier) else hashlib.sha256(identifier.encode()).hexdigest()[:32]
    return int(digits, 16) or 1


def span(name: str, **attributes: str | int | float | bool) -> AbstractContextManager[Any]:
    """Around one piece of work; an exception that leaves it is recorded with it. Costs one comparison when off."""
    return _span(name, attributes) if settings.TRACING else contextlib.nullcontext()


@contextlib.contextmanager
def _span(name: str, attributes: dict[str, Any]) -> Iterator[Any]:
    tracer = _of_this_process()
    if tracer is None:
        yield None
        return
    mine = {f"board.{key}": value for key, value in correlation.current().items()}
    with tracer.start_as_current_span(name, attributes={**mine, **attributes}) as current:
        yield current


def _of_this_process() -> Any:
    """A tracer of this process' own: the thread that sends does not survive a fork."""
    global _tracer
    if _tracer is None or _tracer[0] != os.getpid():
        try:
            _tracer = (os.getpid(), _make())
        except ImportError as error:  # the system check has said so as well; the board works without
            log.error("no traces are sent: %s. Install %s, or unset TRACING", error, " and ".join(PACKAGES))
            _tracer = (os.getpid(), None)
    return _tracer[1]


def _make() -> Any:
    """Exporter and sampler read OpenTelemetry's own variables, such as ``OTEL_EXPORTER_OTLP_ENDPOINT``."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class Correlated(RandomIdGenerator):
        def generate_trace_id(self) -> int:
            identifier = correlation.correlation_id()
            return trace_id(identifier) if identifier else super().generate_trace_id()

    service = os.environ.get("OTEL_SERVICE_NAME") or f"board-{settings.ROLE}"
    resource = Resource.create({"service.name": service, "host.name": settings.HOST})
    provider = TracerProvider(resource=resource, id_generator=Correlated())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=5)))
    return provider.get_tracer("board-of-one")
