"""The graph as the product runs it: real saver, real tables, real broker, the offline provider over HTTP (SE1)."""

from collections.abc import Callable

import pytest

from sessions.models import ActionProposal, Contribution, Event, Memo, Recommendation, Session, Status, SubProblem
from sessions.runner.foreground import drive_session
from sessions.services import start
from tests.graph.test_over_http import CHOICES, LIMITS, PROBLEM
from tests.llm.conftest import Offline


@pytest.mark.django_db(transaction=True)
def test_a_session_is_debated_to_its_end_and_nothing_of_it_is_rejected(
    offline: Offline, make_session: Callable[..., Session]
) -> None:
    session = make_session(problem=PROBLEM, options=CHOICES, constraints=LIMITS)
    start.start(session)
    assert drive_session(session.pk) == Status.COMPLETED
    session.refresh_from_db()
    assert session.phase == "done"
    assert not Event.objects.filter(session=session, type="item_rejected").exists()
    told = list(Event.objects.filter(session=session).order_by("sequence").values_list("type", flat=True))
    for type_, table in (("contribution", Contribution), ("vote", Recommendation)):
        assert told.count(type_) == table.objects.filter(session=session).count() > 0
    assert told.count("round_started") == told.count("round_assessed")
    assert told[-1] == "session_completed"
    assert SubProblem.objects.filter(session=session).count() in (1, 2, 3, 4)
    memo = Memo.objects.get(session=session)
    assert memo.dissent["persona"] in {
        "",
        *Recommendation.objects.filter(session=session).values_list("name", flat=True),
    }
    assert ActionProposal.objects.filter(session=session).exists()
