"""OpenTelemetry: nothing without the setting, one trace from the request to the model with it (MO1)."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from bo1site.observability import tracing
from tests.chaos.kit import PROBLEMS, statuses
from tests.live import ROOT, board, manage, wait_until

#: An SDK may lie about and be imported by somebody else (langsmith does); we neither need it nor send anything with it.
IMPORTED = """
import sys
sys.modules["opentelemetry.sdk"] = sys.modules["opentelemetry.exporter"] = None
from bo1site.asgi import application
from sessions.runner import drive
from llm import attempt
from bo1site.observability import tracing
with tracing.span("work", a=1) as span:
    assert span is None
assert application and drive and attempt
print("FOUND", tracing._tracer, tracing.installed())
"""


def test_without_the_setting_nothing_of_it_is_imported() -> None:
    """The whole product loads and passes a span where OpenTelemetry cannot be imported at all."""
    assert "FOUND None False" in manage("shell", "--no-imports", "-c", IMPORTED, env={"TRACING": "0"}).stdout


def test_with_the_setting_and_without_the_packages_the_board_works_and_says_what_is_missing() -> None:
    """A board that was told to trace and cannot must not fail its requests for it."""
    script = (
        "import sys; sys.modules['opentelemetry.sdk'] = None\n"
        "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'bo1site.settings'\n"
        "import django; django.setup()\n"
        "from django.test import Client\n"
        "print('FOUND', Client().get('/health/live').status_code)\n"
        "from django.core.checks import run_checks\n"
        "print([m.id for m in run_checks()])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env={**_environment(), "TRACING": "1"}, text=True, capture_output=True
    )
    assert "FOUND 200" in done.stdout, done.stderr
    assert "bo1site.E004" in done.stdout
    assert "no traces are sent" in done.stderr


def test_a_correlation_id_that_looks_like_a_trace_id_is_the_trace_id() -> None:
    assert tracing.trace_id("0af7651916cd43dd8448eb211c80319c") == 0x0AF7651916CD43DD8448EB211C80319C
    assert tracing.trace_id("at-three") == tracing.trace_id("at-three") != tracing.trace_id("at-four")
    assert 0 < tracing.trace_id("at-three") < 2**128


class Collector:
    """A collector that speaks OTLP over HTTP; ``spans`` are (service, span)."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, Span]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    import gzip

                    body = gzip.decompress(body)
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    name = {entry.key: entry.value.string_value for entry in resource.resource.attributes}
                    for scope in resource.scope_spans:
                        outer.spans += [(name["service.name"], span) for span in scope.spans]
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def collector() -> Iterator[Collector]:
    found = Collector()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.mark.slow
def test_request_session_and_every_call_of_a_model_are_one_trace_over_two_processes(
    tmp_path: Path, collector: Collector
) -> None:
    env = {"TRACING": "1", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "200"}
    with board(tmp_path, **env) as running:
        running.add_user(staff=True)
        identifier = "0af7651916cd43dd8448eb211c80319c"
        token = running.manage("drf_create_token", "ada").stdout.split()[2]
        asked = {"Authorization": f"Token {token}", "X-Request-ID": identifier}
        with httpx.Client(base_url=running.url, headers=asked, timeout=60) as http:
            body = {"problem_statement": PROBLEMS[0], "max_rounds": 1}
            session = http.post("/api/v1/sessions/", json=body).json()["id"]
            assert http.post(f"/api/v1/sessions/{session}/start").status_code in (200, 202)
        wait_until(lambda: statuses(running) == {"completed": 1}, seconds=180, what="the session to complete")
        [(calls,)] = running.query("SELECT count(*) FROM llm_llmcall WHERE correlation_id = %s", identifier)

        def mine() -> list[tuple[str, Span]]:
            return [(name, span) for name, span in collector.spans if span.trace_id.hex() == identifier]

        def whole() -> bool:
            return sum(span.name == "ask a model" for _, span in mine()) == calls and any(
                span.name == "drive a session" for _, span in mine()
            )

        wait_until(whole, seconds=60, what="every span to arrive")
    found = {(name, span.name) for name, span in mine()}
    assert ("board-worker", "drive a session") in found
    assert ("board-worker", "ask a model") in found
    assert any(name == "board-web" and title.startswith("POST /api/v1/sessions") for name, title in found)
    assert calls > 5
    [drive] = [span for _, span in mine() if span.name == "drive a session"]
    assert {span.parent_span_id for _, span in mine() if span.name == "ask a model"} == {drive.span_id}


def _environment() -> dict[str, str]:
    import os

    return dict(os.environ)
