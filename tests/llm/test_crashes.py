"""What a cancellation, a crash and an absent database cost: never an answer that was paid and stored (LM6)."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from llm import breaker_store, hotpath, journal, ledger, storage
from llm.broker import complete
from llm.errors import LLMError
from llm.models import Answer, Breaker, LLMCall
from llm.types import Request
from tests.live import ROOT, server_url, wait_until
from tests.llm.conftest import Offline

pytestmark = pytest.mark.django_db(transaction=True)
Make = Callable[..., Request[Any]]


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """Answers are stored only after the second event; the first says that one is about to be."""
    storing, go = threading.Event(), threading.Event()
    finish = hotpath.finish

    def slow_finish(*args: Any) -> bool:
        storing.set()
        go.wait(60)
        return finish(*args)

    monkeypatch.setattr(hotpath, "finish", slow_finish)
    return storing, go


async def test_an_answer_that_arrives_as_the_caller_is_cancelled_is_kept(
    offline: Offline, make_request: Make, held: tuple[threading.Event, threading.Event]
) -> None:
    storing, go = held
    task = asyncio.create_task(complete(make_request(deadline=60.0)))
    assert await asyncio.to_thread(storing.wait, 60)
    task.cancel()
    await asyncio.sleep(0)
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await complete(make_request(deadline=60.0))).replayed
    assert offline.asked("anthropic") == 1


async def test_whoever_repeats_a_step_waits_for_the_answer_that_is_being_stored(
    offline: Offline, make_request: Make, held: tuple[threading.Event, threading.Event]
) -> None:
    """LM6: PostgreSQL comes back, and the session changes hands before the answer that was paid has reached it."""
    storing, go = held
    first = asyncio.create_task(complete(make_request(deadline=60.0)))
    assert await asyncio.to_thread(storing.wait, 60)
    second = asyncio.create_task(complete(make_request(deadline=60.0)))
    done, _ = await asyncio.wait([second], timeout=0.5)
    assert not done
    assert offline.asked("anthropic") == 1
    go.set()
    assert (await first).value == (await second).value
    assert (await second).replayed
    assert offline.asked("anthropic") == 1
    assert await storage.run(LLMCall.objects.count) == 1


async def test_a_database_that_is_away_when_the_answer_comes_gets_it_later(
    offline: Offline, make_request: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish, tries = hotpath.finish, list[int]()

    def flaky_finish(*args: Any) -> bool:
        tries.append(1)
        if len(tries) < 4:
            raise OperationalError("the server closed the connection unexpectedly")
        return finish(*args)

    monkeypatch.setattr(hotpath, "finish", flaky_finish)
    assert not (await complete(make_request())).replayed
    assert (await complete(make_request())).replayed
    row = await storage.run(LLMCall.objects.get)
    assert row.status == "finished"


async def test_without_a_database_no_model_is_asked(
    offline: Offline, make_request: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(storage, "SHORT", 0.2)
    monkeypatch.setattr(journal, "find", gone)
    monkeypatch.setattr(hotpath, "start", gone)
    with pytest.raises(LLMError) as caught:
        await complete(make_request())
    assert caught.value.code == "storage_unavailable"
    assert caught.value.recoverable
    assert offline.asked("anthropic") == 0


async def test_a_step_that_is_answered_needs_no_provider_that_another_process_has_found_failing(
    offline: Offline, make_request: Make, settings: Any
) -> None:
    settings.LLM_FALLBACK_ENABLED = False
    paid = await complete(make_request())
    breaker_store.forget()  # what this process knows is old
    until = timezone.now() + timedelta(hours=1)
    await storage.run(lambda: Breaker.objects.filter(provider="anthropic").update(phase="open", open_until=until))
    again = await complete(make_request())
    assert again.replayed
    assert again.value == paid.value
    with pytest.raises(LLMError) as caught:
        await complete(make_request(task_id="another"))
    assert caught.value.code == "circuit_open"
    assert offline.asked("anthropic") == 1


async def test_two_workers_that_ask_the_same_step_use_one_answer(offline: Offline, make_request: Make) -> None:
    results = await asyncio.gather(*(complete(make_request()) for _ in range(5)))
    assert len({result.value.model_dump_json() for result in results}) == 1
    assert await storage.run(Answer.objects.count) == 1


async def test_a_cancelled_probe_gives_its_lease_back(offline: Offline, make_request: Make) -> None:
    await storage.run(Breaker.objects.create, provider="anthropic", phase="open")
    offline.fault("anthropic", "delay", seconds=30)
    task = asyncio.create_task(complete(make_request()))
    await offline.until_asked("anthropic")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    row = await storage.run(Breaker.objects.get, provider="anthropic")
    assert (row.phase, row.probe) == ("half_open", "")
    offline.mend()
    assert (await complete(make_request())).provider == "anthropic"


async def test_an_attempt_whose_process_died_becomes_unknown(make_request: Make, session_id: UUID) -> None:
    started = await storage.run(
        partial(hotpath.start, make_request(), attempt=1, provider="anthropic", model="m", offline=False)
    )
    assert await storage.run(ledger.settle_abandoned) == 0
    assert await storage.run(ledger.settle_abandoned, timedelta(0), session_id=session_id) == 1
    row = await storage.run(LLMCall.objects.get, pk=started.call_id)
    assert (row.status, row.cost, row.error_code) == ("unknown", None, "process_died")
    assert (await storage.run(ledger.cost_of, session_id)).unknown_calls == 1


def test_a_process_killed_after_the_commit_has_paid_nothing_in_vain(
    offline: Offline, make_request: Make, session_id: UUID
) -> None:
    """Stored answers survive SIGKILL; the one in flight is paid again, once."""
    script = (
        "import django, asyncio, uuid; django.setup()\n"
        "from llm.broker import complete; from llm.types import Request; from sessions.graph.schemas import Frame\n"
        "async def main():\n"
        "  for number in range(100):\n"
        f"    await complete(Request(Frame, 'You frame.', f'<decision>Buy or rent {{number}}?</decision>',"
        f" session_id=uuid.UUID('{session_id}'), task_id=str(number), deadline=60.0))\n"
        "asyncio.run(main())\n"
    )
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "bo1site.settings",
        "DATABASE_URL": server_url(str(connection.settings_dict["NAME"])),
        "OFFLINE_URL": offline.url,
    }
    victim = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, env=env)
    wait_until(lambda: Answer.objects.count() >= 5, seconds=300, what="five stored answers")
    victim.send_signal(signal.SIGKILL)
    victim.wait(10)
    stored, asked = Answer.objects.count(), offline.asked("anthropic")
    assert asked - stored <= 1

    async def again() -> list[bool]:
        request = [
            Request(
                make_request().schema,
                "You frame.",
                f"<decision>Buy or rent {number}?</decision>",
                session_id=session_id,
                task_id=str(number),
                deadline=60.0,
            )
            for number in range(stored + 1)
        ]
        return [(await complete(each)).replayed for each in request]

    assert asyncio.run(again()) == [True] * stored + [False]
    assert offline.asked("anthropic") == asked + 1
