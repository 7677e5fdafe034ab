"""Calls go out within their limits and in fair turns between sessions (LM4, rate shaping)."""

import asyncio
import time

import pytest

from llm.shaping import Gate


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
