"""The breaker is one for all processes (LM3)."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from bo1site.supervisor import die_with_parent
from llm.models import Breaker, LLMCall
from tests.live import ROOT, server_url, wait_until
from tests.llm.conftest import Offline

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.chaos]


class Caller:
    """One process of ``tests.llm.caller`` that speaks to the offline provider at ``url``."""

    def __init__(self, url: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.llm.caller"],
            cwd=ROOT,
            env={
                **os.environ,
                "DATABASE_URL": server_url(str(connection.settings_dict["NAME"])),
                "OFFLINE_URL": url,
                "LOG_LEVEL": "ERROR",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent,
        )

    def read(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline()

    def begin(self, count: int, prefix: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{count} {prefix}\n")
        self.process.stdin.flush()

    def ask(self, count: int, prefix: str) -> Any:
        self.begin(count, prefix)
        return json.loads(self.read())


@pytest.fixture(scope="module")
def kept() -> Iterator[list[Caller]]:
    """The processes of the module; a test may kill some."""
    processes: list[Caller] = []
    yield processes
    for caller in processes:
        caller.process.kill()
        caller.process.wait(timeout=10)


@pytest.fixture
def callers(offline: Offline, kept: list[Caller]) -> list[Caller]:
    """Two living processes that know nothing yet."""
    kept[:] = [caller for caller in kept if caller.process.poll() is None]
    fresh = [Caller(offline.url) for _ in range(2 - len(kept))]
    for caller in fresh:
        assert caller.read() == "ready\n"
    kept += fresh
    for caller in kept:
        assert caller.ask(0, "forget") == []
    return kept


def test_half_open_admits_one_of_fifty_callers_in_two_processes(callers: list[Caller], offline: Offline) -> None:
    Breaker.objects.create(provider="anthropic", phase="open", open_until=timezone.now() - timedelta(seconds=1))
    offline.fault("anthropic", "delay", seconds=1.5)
    for number, caller in enumerate(callers):
        caller.begin(25, f"machine-{number}")
    answers = Counter(answer for caller in callers for answer in json.loads(caller.read()))
    assert answers == {"anthropic": 1, "openai": 49}, story()
    assert offline.asked("anthropic") == 1
    assert Breaker.objects.get(provider="anthropic").phase == "closed"


def test_one_process_trips_it_and_the_other_fails_fast(callers: list[Caller], offline: Offline) -> None:
    offline.outage("anthropic", 401)
    assert callers[0].ask(1, "van") == ["openai"]
    assert callers[1].ask(10, "truck") == ["openai"] * 10
    assert offline.asked("anthropic") == 1


def test_a_probe_that_fails_keeps_both_processes_away(callers: list[Caller], offline: Offline) -> None:
    Breaker.objects.create(provider="anthropic", phase="open", open_until=timezone.now() - timedelta(seconds=1))
    offline.outage("anthropic")
    for number, caller in enumerate(callers):
        caller.begin(10, f"machine-{number}")
    assert {answer for caller in callers for answer in json.loads(caller.read())} == {"openai"}
    assert offline.asked("anthropic") == 1, story()
    assert Breaker.objects.get(provider="anthropic").phase == "open"


def test_a_process_killed_while_it_probes_does_not_block_recovery(callers: list[Caller], offline: Offline) -> None:
    Breaker.objects.create(provider="anthropic", phase="open", open_until=timezone.now() - timedelta(seconds=1))
    offline.fault("anthropic", "delay", seconds=30, count=1)
    callers[0].begin(1, "van")
    wait_for_probe()
    callers[0].process.kill()
    callers[0].process.wait(timeout=10)
    assert callers[1].ask(1, "truck") == ["openai"], "the dead process still holds the lease"
    Breaker.objects.update(probe_until=timezone.now() - timedelta(seconds=1))
    offline.mend()
    wait_until(lambda: callers[1].ask(1, "tram") == ["anthropic"], seconds=10, what="the next probe")


def story() -> str:
    """What happened to the calls, for the message of a failed assertion."""
    rows = LLMCall.objects.order_by("id").values_list("provider", "status", "error_code", "error", "latency_ms")
    return "\n".join(map(str, [*Breaker.objects.values(), *rows]))


def wait_for_probe() -> None:
    wait_until(lambda: Breaker.objects.filter(phase="half_open").exists(), seconds=10, what="a probe")
