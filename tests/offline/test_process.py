"""The provider as it is really started: a uvicorn process of its own."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from llm.offline.latency import Latency, LatencyError
from llm.offline.process import command as provider_command

DEADLINE = 15.0


@pytest.fixture
def process_url() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = provider_command(port)
    process = subprocess.Popen(command, env=os.environ | {"OFFLINE_LATENCY": "0.2-0.4"}, stderr=subprocess.PIPE)
    url = f"http://127.0.0.1:{port}"
    end = time.monotonic() + DEADLINE
    while True:
        try:
            httpx.get(f"{url}/health")
            break
        except httpx.ConnectError:
            assert time.monotonic() < end, "the process did not start"
            time.sleep(0.05)
    yield url
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=DEADLINE)
    assert b"Traceback" not in errors, errors.decode()


def test_the_process_answers_many_at_once_within_its_latency(process_url: str) -> None:
    body = {"model": "m", "max_tokens": 500, "messages": [{"role": "user", "content": "Should we move to Leipzig?"}]}

    with httpx.Client(base_url=process_url, timeout=30, headers={"x-api-key": "k"}) as client:

        def call(number: int) -> float:
            begun = time.monotonic()
            response = client.post("/anthropic/v1/messages", json=body | {"model": f"m{number}"})
            assert response.status_code == 200
            return time.monotonic() - begun

        with ThreadPoolExecutor(20) as pool:
            times = list(pool.map(call, range(40)))
    assert min(times) >= 0.2
    stats = settled(process_url)
    assert stats["total"] == 40
    assert stats["in_flight_peak"] > 1


def settled(url: str) -> dict[str, Any]:
    """The counts once nothing is in flight: an answer reaches its client before it is booked as ended."""
    end = time.monotonic() + DEADLINE
    while True:
        stats: dict[str, Any] = httpx.get(f"{url}/stats").json()
        if stats["in_flight"] == 0:
            return stats
        assert time.monotonic() < end, stats
        time.sleep(0.05)


def test_every_way_to_close_a_connection_leaves_the_process_clean(process_url: str) -> None:
    headers = {"x-api-key": "k"}
    body = {"model": "m", "max_tokens": 500, "messages": [{"role": "user", "content": "Should we?"}], "stream": True}
    for kind in ("disconnect", "reset", "truncate", "malformed"):
        httpx.post(f"{process_url}/faults", json={"provider": "anthropic", "kind": kind, "count": 1})
        try:
            httpx.post(f"{process_url}/anthropic/v1/messages", json=body, headers=headers)
        except httpx.TransportError:
            continue
    assert settled(process_url)["total"] == 4


def test_the_latency_is_the_same_for_the_same_request() -> None:
    latency = Latency.read({"OFFLINE_LATENCY": "0.3-0.9"})
    assert latency.of("seed") == latency.of("seed")
    assert 0.3 <= latency.of("seed") <= 0.9
    assert Latency.read({}).of("seed") == 0.0


@pytest.mark.parametrize("text", ["soon", "0.9-0.3", "-1", "1-x", "0-10000"])
def test_a_latency_that_cannot_be_read_says_what_to_write(text: str) -> None:
    with pytest.raises(LatencyError, match="OFFLINE_LATENCY"):
        Latency.read({"OFFLINE_LATENCY": text})
