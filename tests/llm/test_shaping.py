"""Calls go out within their limits and in fair turns between sessions (LM4, rate shaping)."""

import asyncio
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from llm.broker import complete
from llm.shaping import Gate
from llm.types import Request
from tests.llm.conftest import Offline


async def test_no_more_calls_run_at_once_than_allowed() -> None:
    gate, running, peak = Gate(concurrency=3), 0, 0

    async def call(key: int) -> None:
        nonlocal running, peak
        async with gate.turn(key):
            running += 1
            peak = max(peak, running)
            await asyncio.sleep(0)
            running -= 1

    await asyncio.gather(*(call(number % 5) for number in range(60)))
    assert peak == 3


async def test_sessions_take_turns() -> None:
    gate, order = Gate(concurrency=1), list[str]()

    async def call(key: str) -> None:
        async with gate.turn(key):
            order.append(key)
            await asyncio.sleep(0)

    greedy = [asyncio.create_task(call("greedy")) for _ in range(50)]
    await asyncio.sleep(0)
    modest = [asyncio.create_task(call("modest")) for _ in range(2)]
    await asyncio.gather(*greedy, *modest)
    assert [index for index, key in enumerate(order) if key == "modest"][-1] <= 5


async def test_a_token_bucket_spreads_calls_over_time() -> None:
    gate = Gate(concurrency=100, rate=50.0, burst=5)
    began = time.monotonic()

    async def call() -> None:
        async with gate.turn("session"):
            pass

    await asyncio.gather(*(call() for _ in range(15)))
    assert time.monotonic() - began >= 10 / 50.0 - 0.02


async def test_a_call_that_gives_up_waiting_leaves_its_place_to_others() -> None:
    gate = Gate(concurrency=1)
    async with gate.turn("first"):
        waiting = [asyncio.create_task(hold(gate, "second")) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        waiting[1].cancel()
        await asyncio.sleep(0)
    await asyncio.wait_for(waiting[2], 1)
    await asyncio.wait_for(hold(gate, "third"), 1)


async def test_being_let_in_and_cancelled_at_once_gives_the_place_back() -> None:
    gate = Gate(concurrency=1)
    turn = gate.turn("first")
    await turn.__aenter__()
    waiting = asyncio.create_task(hold(gate, "second"))
    await asyncio.sleep(0)
    await turn.__aexit__(None, None, None)  # lets the second in …
    waiting.cancel()  # … which is cancelled before it runs again
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.wait_for(hold(gate, "third"), 1)


async def hold(gate: Gate, key: str) -> None:
    async with gate.turn(key):
        await asyncio.sleep(0)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("primary", ["anthropic", "openai"])
async def test_the_provider_never_sees_more_calls_at_once_than_its_settings_say(
    offline: Offline, settings: Any, make_request: Callable[..., Request[Any]], primary: str
) -> None:
    offline.reset_alone()
    settings.LLM_PRIMARY = primary
    settings.LLM_PROVIDERS[primary]["concurrency"] = 3
    offline.fault(primary, "delay", seconds=0.2)
    calls = [complete(make_request(session_id=uuid4(), task_id=str(n), deadline=60.0)) for n in range(12)]
    assert {completion.provider for completion in await asyncio.gather(*calls)} == {primary}
    assert offline.statistics()["in_flight_peak"] == 3


@pytest.mark.django_db(transaction=True)
async def test_a_bucket_in_the_settings_spaces_the_calls_that_a_provider_sees(
    offline: Offline, settings: Any, make_request: Callable[..., Request[Any]]
) -> None:
    settings.LLM_PROVIDERS["anthropic"] |= {"rate": 4.0, "burst": 2}
    calls = [complete(make_request(session_id=uuid4(), task_id=str(n), deadline=60.0)) for n in range(6)]
    began = time.time()
    await asyncio.gather(*calls)
    times = sorted(record["at"] for record in offline.statistics()["recent"])
    assert len(times) == 6
    assert times[-1] - began >= 4 / 4.0 - 0.05, "two at once, four more at four a second"


@pytest.mark.django_db(transaction=True)
async def test_two_hundred_sessions_at_once_make_no_storm_and_starve_nobody(
    offline: Offline, settings: Any, make_request: Callable[..., Request[Any]]
) -> None:
    """A session with fifty calls in front of 200 sessions with one: theirs do not wait for the fifty."""
    offline.reset_alone()
    settings.LLM_PROVIDERS["anthropic"]["concurrency"] = 8
    await complete(make_request(session_id=None))
    done: list[str] = []

    async def call(kind: str, session: UUID, number: int) -> None:
        await complete(make_request(session_id=session, task_id=f"{kind}-{number}", deadline=300.0))
        done.append(kind)

    greedy = uuid4()
    async with asyncio.TaskGroup() as group:
        for number in range(50):
            group.create_task(call("greedy", greedy, number))
        for number in range(200):
            group.create_task(call("modest", uuid4(), number))
    assert len(done) == 250
    assert offline.statistics()["in_flight_peak"] <= 8
    assert done[:100].count("greedy") <= 30, "one session took the turns of many"
