"""Whoever watches sees an answer while it is being written, and cannot harm it (LM2, LM6, LM9)."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from llm import ledger, live, metrics, storage
from llm.broker import complete
from llm.errors import LLMError
from llm.models import LLMCall
from llm.types import Completion, Request
from tests.llm.conftest import Offline

pytestmark = pytest.mark.django_db(transaction=True)
Make = Callable[..., Request[Any]]
OTHER = {"anthropic": "openai", "openai": "anthropic"}


@pytest.fixture(params=["anthropic", "openai"])
def primary(request: pytest.FixtureRequest, offline: Offline, settings: Any) -> str:
    settings.LLM_PRIMARY = str(request.param)
    return str(request.param)


class Watcher:
    """Keeps what it is told, and when."""

    def __init__(self) -> None:
        self.texts: defaultdict[int, str] = defaultdict(str)
        self.times: list[float] = []

    def __call__(self, attempt: int, text: str) -> None:
        self.texts[attempt] += text
        self.times.append(time.monotonic())


def same_value(completion: Completion[Any], text: str) -> bool:
    return bool(type(completion.value).model_validate_json(text) == completion.value)


async def test_the_text_comes_while_the_answer_is_being_written(
    offline: Offline, primary: str, make_request: Make
) -> None:
    offline.fault(primary, "delay", seconds=1.5)
    watcher = Watcher()
    completion = await complete(make_request(on_text=watcher))
    ended = time.monotonic()
    assert completion.provider == primary
    assert same_value(completion, watcher.texts[1])
    assert len(watcher.times) >= 3
    assert ended - watcher.times[0] > 0.5, "the first words came only with the last"


async def test_pieces_are_gathered(offline: Offline, primary: str, make_request: Make) -> None:
    watcher = Watcher()
    completion = await complete(make_request(on_text=watcher))
    assert same_value(completion, watcher.texts[1])
    assert len(watcher.times) <= 1 + completion.latency / live.GATHER


async def test_a_streamed_answer_is_billed_journalled_and_validated_like_a_whole_one(
    priced: Offline, settings: Any, make_request: Make, session_id: UUID
) -> None:
    system = "You are the facilitator of a board. " * 400
    for primary in ("anthropic", "openai"):
        settings.LLM_PRIMARY = primary
        await complete(make_request(system=system, task_id=f"{primary} fills the prompt cache"))
        whole = await complete(make_request(system=system, task_id=f"{primary} whole"))
        live = await complete(make_request(system=system, task_id=f"{primary} live", on_text=Watcher()))
        assert (live.value, live.model, live.usage, live.cost) == (whole.value, whole.model, whole.usage, whole.cost)
        assert live.usage.cache_read_tokens > 0
        row = await LLMCall.objects.aget(task_id=f"{primary} live")
        assert (row.status, row.cost, row.output_tokens) == ("finished", live.cost, live.usage.output_tokens)
        assert (live.cost or 0) > Decimal(0)
    summary = await storage.run(ledger.cost_of, session_id)
    assert (summary.calls, summary.complete) == (6, True)


@pytest.mark.parametrize("kind", ["truncate", "malformed", "reset"])
async def test_a_damaged_stream_is_a_failed_attempt_and_its_text_is_void(
    offline: Offline, primary: str, make_request: Make, kind: str
) -> None:
    offline.fault(primary, kind, count=1)
    watcher = Watcher()
    completion = await complete(make_request(on_text=watcher))
    assert completion.provider == primary
    assert offline.asked(primary) == 2
    assert same_value(completion, watcher.texts[2])
    assert watcher.texts[1] != watcher.texts[2]


async def test_the_other_providers_text_comes_under_a_number_of_its_own(
    offline: Offline, primary: str, make_request: Make
) -> None:
    offline.fault(primary, "truncate")
    watcher = Watcher()
    completion = await complete(make_request(on_text=watcher))
    assert completion.provider == OTHER[primary]
    assert same_value(completion, watcher.texts[max(watcher.texts)])
    assert max(watcher.texts) == 5


async def test_a_refusal_tells_the_watcher_nothing(offline: Offline, primary: str, make_request: Make) -> None:
    offline.fault(primary, "refusal")
    watcher = Watcher()
    with pytest.raises(LLMError, match="declined"):
        await complete(make_request(on_text=watcher))
    assert not watcher.texts


@pytest.mark.parametrize("failure", [ValueError, asyncio.CancelledError])
async def test_a_watcher_that_fails_is_counted_and_the_answer_comes_anyway(
    offline: Offline, primary: str, make_request: Make, failure: type[BaseException]
) -> None:
    def watcher(attempt: int, text: str) -> None:
        raise failure("the watcher is broken")

    before = metrics.LIVE_FAILURES.labels("error")._value.get()
    completion = await complete(make_request(on_text=watcher))
    assert (completion.provider, completion.replayed) == (primary, False)
    assert metrics.LIVE_FAILURES.labels("error")._value.get() > before
    assert offline.asked(primary) == 1


async def test_a_slow_watcher_is_dropped_for_the_rest_of_the_attempt(
    offline: Offline, primary: str, make_request: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "PATIENCE", 0.01)
    offline.fault(primary, "delay", seconds=1.0)
    visits = []

    def watcher(attempt: int, text: str) -> None:
        visits.append(text)
        time.sleep(0.02)

    before = metrics.LIVE_FAILURES.labels("slow")._value.get()
    completion = await complete(make_request(on_text=watcher))
    assert completion.provider == primary
    assert len(visits) == 1
    assert metrics.LIVE_FAILURES.labels("slow")._value.get() == before + 1


async def test_a_stored_answer_tells_the_watcher_nothing(offline: Offline, make_request: Make) -> None:
    await complete(make_request())
    watcher = Watcher()
    assert (await complete(make_request(on_text=watcher))).replayed
    assert not watcher.texts


async def test_a_watched_call_finds_the_answer_of_an_unwatched_one_and_the_reverse(
    offline: Offline, primary: str, make_request: Make
) -> None:
    await complete(make_request(on_text=Watcher()))
    assert (await complete(make_request())).replayed
    assert offline.asked(primary) == 1


async def test_cancelling_a_watched_call_settles_it_and_ends_the_text(
    offline: Offline, primary: str, make_request: Make
) -> None:
    offline.fault(primary, "delay", seconds=30)
    watcher = Watcher()
    task = asyncio.create_task(complete(make_request(on_text=watcher)))
    await offline.until_asked(primary)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    told = len(watcher.times)
    row = await LLMCall.objects.aget()
    assert (row.status, row.error_code) == ("unknown", "cancelled")
    assert len(watcher.times) == told
