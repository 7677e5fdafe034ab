"""A validated answer comes back over both wires, is in the ledger, and is paid once (LM6)."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from llm import breaker_store, budget, ledger, storage
from llm.broker import complete
from llm.errors import LLMError
from llm.models import Answer, LLMCall
from llm.types import Request
from sessions.graph.schemas import Frame
from tests.llm.conftest import Offline

pytestmark = pytest.mark.django_db(transaction=True)
Make = Callable[..., Request[Any]]


@pytest.mark.parametrize("primary", ["anthropic", "openai"])
@pytest.mark.parametrize("stream", [False, True])
async def test_both_wires_give_a_validated_answer(
    offline: Offline, settings: Any, make_request: Make, primary: str, stream: bool
) -> None:
    settings.LLM_PRIMARY = primary
    completion = await complete(make_request(stream=stream))
    assert isinstance(completion.value, Frame)
    assert completion.provider == primary
    assert completion.usage.output_tokens > 0
    assert completion.usage.prompt_tokens > 0
    assert completion.offline
    assert not completion.replayed


async def test_an_attempt_leaves_one_settled_row(offline: Offline, make_request: Make, session_id: UUID) -> None:
    completion = await complete(make_request(persona="ada"))
    row = await LLMCall.objects.aget(session_id=session_id)
    assert (row.status, row.provider, row.tier, row.node, row.persona) == (
        "finished",
        "anthropic",
        "core",
        "frame",
        "ada",
    )
    assert row.output_tokens == completion.usage.output_tokens
    assert row.cost == Decimal(0)
    assert row.latency_ms is not None
    assert row.finished_at is not None


async def test_the_same_step_is_paid_once(offline: Offline, make_request: Make) -> None:
    first = await complete(make_request())
    second = await complete(make_request())
    assert second.replayed
    assert second.value == first.value
    assert offline.asked("anthropic") == 1


@pytest.mark.parametrize("changed", [{"task_id": "task-2"}, {"call_no": 1}, {"prompt": "<decision>Other?</decision>"}])
async def test_another_step_is_asked_anew(offline: Offline, make_request: Make, changed: dict[str, Any]) -> None:
    await complete(make_request())
    assert not (await complete(make_request(**changed))).replayed
    assert offline.asked("anthropic") == 2


async def test_another_session_is_asked_anew(offline: Offline, make_request: Make) -> None:
    await complete(make_request())
    assert not (await complete(make_request(session_id=uuid4()))).replayed


async def test_without_a_session_nothing_is_stored_in_the_journal(offline: Offline, make_request: Make) -> None:
    await complete(make_request(session_id=None))
    assert not await Answer.objects.aexists()


async def test_a_stored_answer_that_no_longer_fits_is_asked_anew(
    offline: Offline, make_request: Make, session_id: UUID
) -> None:
    await complete(make_request())
    await Answer.objects.aupdate(value={"title": "x"})
    assert not (await complete(make_request())).replayed
    assert (await complete(make_request())).replayed


async def test_a_cancelled_call_is_unknown_in_the_ledger(offline: Offline, make_request: Make) -> None:
    offline.fault("anthropic", "delay", seconds=30)
    task = asyncio.create_task(complete(make_request()))
    await offline.until_asked("anthropic")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    row = await LLMCall.objects.aget()
    assert (row.status, row.error_code, row.cost) == ("unknown", "cancelled", None)


async def test_the_sum_of_a_session_is_the_sum_of_its_ledger(
    priced: Offline, make_request: Make, session_id: UUID
) -> None:
    paid = [await complete(make_request(task_id=f"task-{number}")) for number in range(3)]
    summary = await storage.run(ledger.cost_of, session_id)
    assert summary.calls == 3
    assert summary.known == sum(completion.cost or Decimal(0) for completion in paid) > 0
    assert summary.complete


async def test_an_unknown_price_is_an_unknown_cost(
    priced: Offline, settings: Any, make_request: Make, session_id: UUID
) -> None:
    settings.LLM_PROVIDERS["anthropic"]["models"]["core"] = "a-model-nobody-priced"
    completion = await complete(make_request())
    summary = await storage.run(ledger.cost_of, session_id)
    assert completion.cost is None
    assert (summary.known, summary.unknown_calls, summary.complete) == (Decimal(0), 1, False)


async def test_a_wrong_request_fails_with_a_clear_error(offline: Offline, make_request: Make) -> None:
    offline.outage("anthropic", 400, body={"message": "max_tokens: too large"})
    with pytest.raises(LLMError) as caught:
        await complete(make_request())
    assert caught.value.code == "bad_request"
    assert not caught.value.recoverable
    row = await LLMCall.objects.aget()
    assert (row.status, row.error_code, row.http_status, row.cost) == ("failed", "bad_request", 400, Decimal(0))


async def test_a_successful_call_costs_two_statements(
    offline: Offline, make_request: Make, session_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One asks the journal, holds the budget and begins the row; one settles it and stores the answer."""
    monkeypatch.setattr(budget, "_reader", lambda session: budget.Budget(cost_cap=Decimal(5)))
    await complete(make_request(task_id="warm-up"))
    statements: list[str] = []
    execute = psycopg.Cursor.execute

    def counted(cursor: Any, sql: Any, *values: Any, **how: Any) -> Any:
        statements.append(str(sql).split()[0])
        return execute(cursor, sql, *values, **how)

    monkeypatch.setattr(psycopg.Cursor, "execute", counted)
    monkeypatch.setattr(breaker_store, "CACHE_SECONDS", 60.0)
    for number in range(10):
        await complete(make_request(task_id=f"task-{number}"))
    monkeypatch.undo()
    assert statements == ["WITH"] * 20
    assert (await storage.run(ledger.cost_of, session_id)).calls == 11
