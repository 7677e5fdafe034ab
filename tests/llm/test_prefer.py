"""A caller may ask for one model family first; everything else about the route stays as it is (LM4)."""

from collections.abc import Callable
from typing import Any

import pytest

from llm import breaker_store, storage
from llm.broker import complete, providers
from llm.errors import LLMError
from llm.types import Request
from tests.llm.conftest import Offline

pytestmark = pytest.mark.django_db(transaction=True)
Make = Callable[..., Request[Any]]
OTHER = {"anthropic": "openai", "openai": "anthropic"}


@pytest.mark.parametrize("primary", ["anthropic", "openai"])
async def test_the_preferred_provider_is_asked_first(
    offline: Offline, settings: Any, make_request: Make, primary: str
) -> None:
    settings.LLM_PRIMARY = primary
    assert (await complete(make_request(prefer=OTHER[primary]))).provider == OTHER[primary]
    assert offline.asked(primary) == 0


async def test_two_members_of_a_board_can_think_with_different_families(offline: Offline, make_request: Make) -> None:
    assert providers() == ["anthropic", "openai"]
    answers = [await complete(make_request(task_id=name, prefer=name)) for name in providers()]
    assert [answer.provider for answer in answers] == ["anthropic", "openai"]


async def test_a_preferred_provider_that_is_down_falls_back_to_the_primary(
    offline: Offline, make_request: Make
) -> None:
    offline.outage("openai")
    assert (await complete(make_request(prefer="openai"))).provider == "anthropic"
    assert offline.asked("openai") == 4


async def test_a_preferred_provider_with_an_open_circuit_is_not_asked(offline: Offline, make_request: Make) -> None:
    await storage.run(breaker_store.trip, "openai", 60.0, "test")
    assert (await complete(make_request(prefer="openai"))).provider == "anthropic"
    assert offline.asked("openai") == 0


async def test_a_preference_for_a_provider_without_a_key_is_passed_over(
    offline: Offline, settings: Any, make_request: Make
) -> None:
    settings.LLM_PROVIDERS["openai"]["api_key"] = ""
    assert providers() == ["anthropic"]
    assert (await complete(make_request(prefer="openai"))).provider == "anthropic"


async def test_a_preference_does_not_overrule_that_fallback_is_off(
    offline: Offline, settings: Any, make_request: Make
) -> None:
    settings.LLM_FALLBACK_ENABLED = False
    assert providers() == ["anthropic"]
    assert (await complete(make_request(prefer="openai"))).provider == "anthropic"
    assert offline.asked("openai") == 0


async def test_a_stored_answer_is_found_whatever_is_preferred_now(offline: Offline, make_request: Make) -> None:
    await complete(make_request(prefer="openai"))
    for prefer in ("openai", "anthropic", ""):
        assert (await complete(make_request(prefer=prefer))).replayed
    assert (offline.asked("anthropic"), offline.asked("openai")) == (0, 1)


async def test_the_cache_keeps_families_apart(offline: Offline, make_request: Make) -> None:
    for prefer in ("anthropic", "openai"):
        completion = await complete(make_request(session_id=None, cache=True, prefer=prefer))
        assert (completion.provider, completion.cached) == (prefer, False)
    assert (await complete(make_request(session_id=None, cache=True, prefer="openai"))).provider == "openai"
    assert (offline.asked("anthropic"), offline.asked("openai")) == (1, 1)


async def test_a_preference_for_nothing_known_says_what_there_is(offline: Offline, make_request: Make) -> None:
    with pytest.raises(LLMError, match="anthropic, openai") as caught:
        await complete(make_request(prefer="opanai"))
    assert caught.value.code == "provider_unknown"


async def test_without_any_key_there_is_nothing_to_prefer(offline: Offline, settings: Any) -> None:
    for entry in settings.LLM_PROVIDERS.values():
        entry["api_key"] = ""
    assert providers() == []
