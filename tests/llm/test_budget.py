"""A cap or a deadline reached stops a session in a way that can be resumed (LM7)."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from llm import budget, ledger, storage
from llm.broker import complete
from llm.budget import Budget
from llm.errors import LLMError
from llm.models import LLMCall
from llm.types import Request
from tests.llm.conftest import Offline

pytestmark = pytest.mark.django_db(transaction=True)
Make = Callable[..., Request[Any]]


@pytest.fixture
def budgets(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[UUID, Budget]]:
    """The budgets that the broker sees, by session; read afresh for each attempt."""
    monkeypatch.setattr(budget, "TRUSTED", 0.0)
    known: dict[UUID, Budget] = {}
    before = budget._reader
    budget.register(known.get)
    yield known
    budget.register(before)


async def test_a_cap_stops_the_session_and_raising_it_resumes_without_paying_again(
    priced: Offline, make_request: Make, session_id: UUID, budgets: dict[UUID, Budget]
) -> None:
    budgets[session_id] = Budget(cost_cap=Decimal("0.000001"))
    first = await complete(make_request())
    with pytest.raises(LLMError) as caught:
        await complete(make_request(task_id="task-2"))
    assert caught.value.code == "budget_exhausted"
    assert caught.value.recoverable
    assert priced.asked("anthropic") == 1
    budgets[session_id] = Budget(cost_cap=Decimal(5))
    assert (await complete(make_request())).value == first.value
    await complete(make_request(task_id="task-2"))
    assert priced.asked("anthropic") == 2


async def test_the_cap_is_checked_before_each_attempt(
    priced: Offline, make_request: Make, session_id: UUID, budgets: dict[UUID, Budget]
) -> None:
    budgets[session_id] = Budget(cost_cap=Decimal("0.000001"))
    priced.fault("anthropic", "bad_schema")  # the first answer is paid and useless, the repair would cost more
    with pytest.raises(LLMError) as caught:
        await complete(make_request())
    assert caught.value.code == "budget_exhausted"
    assert priced.asked("anthropic") + priced.asked("openai") == 1


async def test_a_session_past_its_deadline_is_stopped(
    offline: Offline, make_request: Make, session_id: UUID, budgets: dict[UUID, Budget]
) -> None:
    budgets[session_id] = Budget(deadline=timezone.now() - timedelta(seconds=1))
    with pytest.raises(LLMError) as caught:
        await complete(make_request())
    assert caught.value.code == "session_deadline"
    assert caught.value.recoverable
    assert offline.asked("anthropic") == 0


async def test_an_answer_of_unknown_price_counts_at_the_dearest_price(
    priced: Offline, settings: Any, make_request: Make, session_id: UUID, budgets: dict[UUID, Budget]
) -> None:
    settings.LLM_PROVIDERS["anthropic"]["models"]["core"] = "a-model-nobody-priced"
    await complete(make_request())
    assert (await storage.run(ledger.cost_of, session_id)).known == 0
    budgets[session_id] = Budget(cost_cap=Decimal("0.000001"))
    with pytest.raises(LLMError, match="cost cap"):
        await complete(make_request(task_id="task-2"))


async def test_a_budget_is_not_read_for_every_call_but_a_raised_one_counts_at_once(
    priced: Offline, make_request: Make, session_id: UUID, budgets: dict[UUID, Budget], monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[UUID] = []
    monkeypatch.setattr(budget, "TRUSTED", 3600.0)
    budget.register(lambda session: reads.append(session) or budgets.get(session))  # type: ignore[func-returns-value]
    budgets[session_id] = Budget(cost_cap=Decimal("0.0001"))
    await complete(make_request())
    await storage.run(LLMCall.objects.update, cost=Decimal(1))
    budgets[session_id] = Budget(cost_cap=Decimal(5))
    await complete(make_request(task_id="task-2"))
    await complete(make_request(task_id="task-3"))
    assert len(reads) == 2


async def test_other_sessions_are_not_held_to_a_cap(
    priced: Offline, make_request: Make, budgets: dict[UUID, Budget]
) -> None:
    await complete(make_request())
    await complete(make_request(task_id="task-2"))
    assert priced.asked("anthropic") == 2
