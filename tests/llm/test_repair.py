"""An answer that does not fit is repaired once, then fails as what it is (LM9)."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from llm import storage
from llm.broker import complete
from llm.errors import LLMError
from llm.models import LLMCall
from llm.types import Request
from tests.llm.conftest import Offline

pytestmark = pytest.mark.django_db(transaction=True)
Make = Callable[..., Request[Any]]


@pytest.fixture(params=["anthropic", "openai"])
def primary(request: pytest.FixtureRequest, priced: Offline, settings: Any) -> str:
    settings.LLM_PRIMARY = str(request.param)
    return str(request.param)


@pytest.mark.parametrize("kind", ["bad_schema", "empty"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_one_repair_quotes_what_was_wrong(
    priced: Offline, primary: str, make_request: Make, kind: str, stream: bool
) -> None:
    priced.fault(primary, kind, count=1)
    priced.outage(primary, match="That answer cannot be used", after=1)
    assert (await complete(make_request(stream=stream))).provider == primary
    assert priced.asked(primary) == 2


async def test_a_second_invalid_answer_is_a_clear_failure_that_can_be_retried(
    priced: Offline, primary: str, make_request: Make
) -> None:
    priced.fault(primary, "bad_schema")
    with pytest.raises(LLMError) as caught:
        await complete(make_request())
    assert caught.value.code == "invalid_answer"
    assert caught.value.recoverable
    assert priced.asked(primary) == 2
    priced.mend()
    assert (await complete(make_request())).provider == primary


async def test_useless_answers_are_paid_and_in_the_ledger(priced: Offline, primary: str, make_request: Make) -> None:
    priced.fault(primary, "bad_schema", count=1)
    await complete(make_request())
    rows = await storage.run(lambda: list(LLMCall.objects.order_by("attempt")))
    assert [(row.attempt, row.status) for row in rows] == [(1, "failed"), (2, "finished")]
    assert all(row.cost and row.cost > Decimal(0) for row in rows)
