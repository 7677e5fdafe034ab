"""The same question twice is one paid call, where the caller allows it (LM8)."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from llm import ledger, storage
from llm.broker import complete
from llm.cache import AnswerCache
from llm.types import Completion, Request, Usage
from sessions.graph.schemas import SubProblemDraft
from tests.llm.conftest import Offline

Make = Callable[..., Request[Any]]
database = pytest.mark.django_db(transaction=True)


@database
async def test_the_same_prompt_twice_is_one_paid_call(priced: Offline, make_request: Make) -> None:
    first = await complete(make_request(cache=True))
    other = uuid4()
    second = await complete(make_request(cache=True, session_id=other, task_id="elsewhere"))
    assert priced.asked("anthropic") == 1
    assert second.value == first.value
    assert second.value is not first.value
    assert (second.cached, second.cost, second.usage) == (True, Decimal(0), Usage())
    assert (await storage.run(ledger.cost_of, other)).calls == 0
    again = await complete(make_request(session_id=other, task_id="elsewhere"))
    assert again.replayed, "a cached answer is in the journal of the session that used it"


@database
async def test_without_permission_nothing_comes_from_the_cache(offline: Offline, make_request: Make) -> None:
    await complete(make_request(cache=True))
    await complete(make_request(task_id="task-2"))
    assert offline.asked("anthropic") == 2


@database
@pytest.mark.parametrize(
    "changed", [{"tier": "fast"}, {"system": "Other."}, {"max_tokens": 1999}, {"temperature": 1.0}]
)
async def test_whatever_changes_the_answer_changes_the_key(
    offline: Offline, make_request: Make, changed: dict[str, Any]
) -> None:
    await complete(make_request(cache=True))
    await complete(make_request(cache=True, task_id="task-2", **changed))
    assert offline.asked("anthropic") == 2


@database
async def test_another_model_is_another_answer(offline: Offline, settings: Any, make_request: Make) -> None:
    await complete(make_request(cache=True))
    settings.LLM_PROVIDERS["anthropic"]["models"]["core"] = "offline-fast"
    await complete(make_request(cache=True, task_id="task-2"))
    assert offline.asked("anthropic") == 2


@database
async def test_an_answer_of_the_fallback_is_not_served_for_the_primary(offline: Offline, make_request: Make) -> None:
    offline.outage("anthropic", 529)
    await complete(make_request(cache=True))
    offline.mend()
    assert (await complete(make_request(cache=True, task_id="task-2"))).provider == "anthropic"


@database
async def test_the_prompt_caches_of_providers_are_accounted_for(
    priced: Offline, settings: Any, make_request: Make
) -> None:
    system = "You are the facilitator of a board. " * 400
    for primary in ("anthropic", "openai"):
        settings.LLM_PRIMARY = primary
        await complete(make_request(system=system, task_id=f"{primary}-1"))
        second = await complete(make_request(system=system, task_id=f"{primary}-2"))
        assert second.usage.cache_read_tokens > 0, primary


def completion(title: str) -> Completion[SubProblemDraft]:
    value = SubProblemDraft(title=title, question="Why?")
    return Completion(value, "anthropic", "m", Usage(), None, 0.1, replayed=False, offline=False)


def test_answers_grow_old_and_the_least_used_go_first() -> None:
    now = 0.0
    cache = AnswerCache(size=2, ttl=10.0, clock=lambda: now)
    for name in ("one", "two"):
        cache.put((name, "", ""), completion(name))
    assert cache.get(("one", "", "")) is not None
    cache.put(("three", "", ""), completion("three"))
    assert cache.get(("two", "", "")) is None
    assert len(cache) == 2
    now = 10.0
    assert cache.get(("one", "", "")) is None
