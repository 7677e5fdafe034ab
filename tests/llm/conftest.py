"""The broker's tests run against the offline provider, in a process of its own, over real HTTP."""

import asyncio
import json
import os
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import SyncToAsync
from django.db import connections
from pydantic import BaseModel

from bo1site.supervisor import die_with_parent, free_port
from llm import breaker_store, cache, storage
from llm.offline.process import command as provider_command
from llm.providers import registry
from llm.types import Request
from sessions.graph.schemas import Frame
from tests.live import ROOT, wait_until

DECISION = (
    "<decision>Should our bakery open a second shop in Leeds this spring, or expand wholesale?</decision>\n"
    "<options>\n- Open a second shop\n- Expand wholesale\n</options>\n"
    "<constraints>\n- At most 80,000 in new debt\n</constraints>"
)


@pytest.fixture(autouse=True)
def _no_connection_left_behind() -> Iterator[None]:
    """Closes what the asynchronous ORM opened in asgiref's thread, so that the test database can be dropped."""
    yield
    storage.close()
    SyncToAsync.single_thread_executor.submit(connections.close_all).result()


@dataclass
class Offline:
    """The offline provider, and the desk where it is told to misbehave."""

    url: str

    def fault(self, provider: str, kind: str, **fields: Any) -> dict[str, Any]:
        return self._call("POST", "/faults", {"provider": provider, "kind": kind, **fields})

    def outage(self, provider: str, status: int = 500, **fields: Any) -> dict[str, Any]:
        return self.fault(provider, "status", status=status, **fields)

    def faults(self) -> list[dict[str, Any]]:
        """The faults in force."""
        faults: list[dict[str, Any]] = self._call("GET", "/faults")["faults"]
        return faults

    def mend(self, provider: str = "") -> None:
        self._call("DELETE", f"/faults?provider={provider}" if provider else "/faults")

    def asked(self, provider: str) -> int:
        """Requests that reached this provider since the test began."""
        return int(self._call("GET", "/stats")["requests"].get(provider, 0))

    def statistics(self) -> dict[str, Any]:
        return self._call("GET", "/stats?recent=1000")

    async def until_asked(self, provider: str) -> None:
        """Waits until a request has reached this provider."""
        await asyncio.to_thread(wait_until, lambda: self.asked(provider), seconds=10, what=f"a call to {provider}")

    def reset(self) -> None:
        self.mend()
        self._call("DELETE", "/stats")

    def reset_alone(self) -> None:
        """The same once nothing is in flight any more: a stall that an earlier test gave up lasts half a minute."""
        wait_until(lambda: self.statistics()["in_flight"] == 0, seconds=60, what="abandoned calls to end")
        self.reset()

    def _call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        with urllib.request.urlopen(request, timeout=5) as response:
            answer: dict[str, Any] = json.load(response)
            return answer


@pytest.fixture(scope="session")
def offline_process() -> Iterator[str]:
    port = free_port(0)
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        provider_command(port),
        cwd=ROOT,
        env={**os.environ, "OFFLINE_LATENCY": "0"},
        preexec_fn=die_with_parent,
    )

    def answers() -> bool:
        assert process.poll() is None, "the offline provider ended by itself"
        try:
            with urllib.request.urlopen(url + "/health", timeout=2) as response:
                return bool(response.status == 200)
        except OSError:
            return False

    try:
        wait_until(answers, seconds=120, what="the offline provider")
        registry.preload()  # or the first test would spend its deadline on imports
        yield url
    finally:
        process.kill()  # a stalled answer would outlast a polite end
        process.wait(timeout=10)


@pytest.fixture
def offline(offline_process: str, settings: Any) -> Offline:
    """Both providers point at a freshly reset offline provider; Anthropic is the primary."""
    desk = Offline(offline_process)
    desk.reset()
    settings.OFFLINE_URL = offline_process
    settings.LLM_PRIMARY = "anthropic"
    settings.LLM_FALLBACK_ENABLED = True
    settings.LLM_PROVIDERS = providers(offline_process)
    settings.LLM_RETRY_BASE = 0.01
    breaker_store.forget()
    cache.answers.clear()
    return desk


def providers(url: str, *, offline: bool = True) -> dict[str, dict[str, Any]]:
    """Both providers at ``url``; with ``offline=False`` under real model ids, so that answers have a price."""
    anthropic = {"core": "offline-core", "fast": "offline-fast"}
    openai = dict(anthropic)
    if not offline:
        anthropic = {"core": "claude-sonnet-5-5", "fast": "claude-haiku-5-5"}
        openai = {"core": "gpt-6.2-sol", "fast": "gpt-6-luna"}
    return {
        "anthropic": {
            "api_key": "offline-demo",
            "base_url": f"{url}/anthropic",
            "models": anthropic,
            "offline": offline,
        },
        "openai": {"api_key": "offline-demo", "base_url": f"{url}/openai/v1", "models": openai, "offline": offline},
    }


@pytest.fixture
def priced(offline: Offline, settings: Any) -> Offline:
    """The offline provider under the names of real models: its answers cost what theirs would."""
    settings.LLM_PROVIDERS = providers(offline.url, offline=False)
    return offline


@pytest.fixture
def session_id() -> UUID:
    return uuid4()


@pytest.fixture
def make_request(session_id: UUID) -> Callable[..., Request[Any]]:
    """A request for a ``Frame`` in the test's session; any field of ``Request`` can be replaced."""

    def make(schema: type[BaseModel] = Frame, **fields: Any) -> Request[Any]:
        fields = {
            "system": "You are the facilitator of a board.",
            "prompt": DECISION,
            "session_id": session_id,
            "task_id": "task-1",
            "node": "frame",
            "deadline": 10.0,
            **fields,
        }
        return Request(schema=schema, **fields)

    return make
