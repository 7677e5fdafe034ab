"""A real uvicorn server in a thread for every test module, and both official SDKs pointed at it."""

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import anthropic
import httpx
import openai
import pytest
import uvicorn

from llm.offline.app import OfflineProvider
from llm.offline.latency import Latency

DEADLINE = 10.0


@dataclass(frozen=True, eq=False)
class Running:
    """A provider that listens on `url`, and clients for it. The SDKs' own retries are off."""

    url: str
    provider: OfflineProvider
    http: httpx.Client

    @cache  # noqa: B019 - a client costs 50 ms to make, and a server lives as long as its module
    def anthropic(self, timeout: float = 5.0) -> anthropic.Anthropic:
        return anthropic.Anthropic(
            api_key="offline-demo", base_url=f"{self.url}/anthropic", max_retries=0, timeout=timeout
        )

    @cache  # noqa: B019
    def openai(self, timeout: float = 5.0) -> openai.OpenAI:
        return openai.OpenAI(api_key="offline-demo", base_url=f"{self.url}/openai/v1", max_retries=0, timeout=timeout)

    def fault(self, **definition: object) -> dict[str, object]:
        response = self.http.post("/faults", json=definition)
        assert response.status_code == 201, response.text
        return dict(response.json())

    def stats(self) -> dict[str, object]:
        return dict(self.http.get("/stats").json())


def serve(provider: OfflineProvider) -> Iterator[Running]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(provider, log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    end = time.monotonic() + DEADLINE
    while not server.started:
        assert time.monotonic() < end, "the server did not start"
        time.sleep(0.01)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with httpx.Client(base_url=url) as http:
        yield Running(url, provider, http)
    server.should_exit = True
    thread.join(DEADLINE)
    listener.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    yield from serve(OfflineProvider(latency=Latency()))


@pytest.fixture
def offline(server: Running) -> Running:
    """The module's server, without faults and with fresh counts."""
    server.http.delete("/faults")
    server.http.delete("/stats")
    return server
