"""A provider's client lives as long as its event loop, and leaves nothing open behind it (LM1)."""

import asyncio
import gc
import warnings
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from llm import storage
from llm.broker import complete
from llm.errors import LLMError
from llm.models import LLMCall
from llm.providers import registry
from llm.types import Request
from tests.llm.conftest import Offline

pytestmark = pytest.mark.django_db(transaction=True)
Make = Callable[..., Request[Any]]


def test_a_loop_that_ends_closes_its_clients(
    offline: Offline, make_request: Make, caplog: pytest.LogCaptureFixture
) -> None:
    async def ask() -> list[Any]:
        names = ["anthropic", "openai"]
        await asyncio.gather(*(complete(make_request(task_id=name, prefer=name)) for name in names))
        return [client._client for client in registry._clients[asyncio.get_running_loop()].values()]

    before = len(registry._closers)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        clients = asyncio.run(ask())
        assert [client.is_closed() for client in clients] == [True, True]
        del clients
        gc.collect()
    assert "Unclosed" not in caplog.text
    assert len(registry._closers) <= before


async def test_one_loop_asks_each_provider_through_one_client(offline: Offline, make_request: Make) -> None:
    await asyncio.gather(*(complete(make_request(task_id=str(number))) for number in range(10)))
    assert len(registry._clients[asyncio.get_running_loop()]) == 1


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
async def test_a_lost_connection_may_have_cost_something_and_one_never_made_has_not(
    priced: Offline, settings: Any, make_request: Make, provider: str
) -> None:
    settings.LLM_PRIMARY = provider
    settings.LLM_RETRIES = 0
    settings.LLM_FALLBACK_ENABLED = False
    priced.fault(provider, "disconnect")
    with pytest.raises(LLMError):
        await complete(make_request(task_id="lost"))
    settings.LLM_PROVIDERS[provider]["base_url"] = "http://127.0.0.1:9"
    with pytest.raises(LLMError):
        await complete(make_request(task_id="never made"))
    costs = await storage.run(lambda: dict(LLMCall.objects.values_list("task_id", "cost")))
    assert costs == {"lost": None, "never made": Decimal(0)}
