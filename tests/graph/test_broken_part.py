"""Three sub-problems on real parts, one of which breaks: what is kept, and what a retry pays (SE1, SE2)."""

from collections import Counter
from typing import Any

import pytest

from llm.models import LLMCall
from sessions.models import (
    Assessment,
    Checkpoint,
    Contribution,
    Event,
    Intervention,
    Recommendation,
    Session,
    Status,
    SubProblem,
)
from sessions.runner.foreground import drive_session
from sessions.services import start
from sessions.services.recovery import resume_session_from_checkpoint
from tests.graph.test_over_http import CHOICES, LIMITS, PROBLEM
from tests.llm.conftest import Offline

#: Enough at stake for three parts.
HARD = [*LIMITS, "Our investors' contract ends in May", "Safety of patients comes first"]
#: Of the second part, in every prompt about it: the one that chooses its board, and all of its debate.
SECOND = "Which option allows a problem to be found and stopped before it reaches many patients?"


def told(session: Session, type_: str) -> list[dict[str, Any]]:
    rows = Event.objects.filter(session=session, type=type_).order_by("sequence")
    return list(rows.values_list("data", flat=True))


@pytest.mark.django_db(transaction=True)
def test_the_others_finish_and_a_retry_completes_only_what_is_missing(offline: Offline, make_session: Any) -> None:
    session = make_session(problem=PROBLEM, options=CHOICES, constraints=HARD, max_rounds=2)
    start.start(session)
    # Its board is chosen and one expert speaks; all others of this part answer what nobody can use, for good.
    for provider, after in (("anthropic", 2), ("openai", 0)):
        offline.fault(provider=provider, kind="bad_schema", match=SECOND, after=after)
    assert drive_session(session.pk) == Status.FAILED
    session.refresh_from_db()
    assert session.failure is not None
    assert session.failure["recoverable"]
    assert session.failure["message"].startswith("Part 2 of 3, ")
    assert SubProblem.objects.filter(session=session).count() == 3
    assert {data["sub_problem"] for data in told(session, "part_settled")} == {0, 2}
    assert [data["sub_problem"] for data in told(session, "part_broken")] == [1]
    spaces = set(Checkpoint.objects.filter(thread_id=str(session.pk)).values_list("checkpoint_ns", flat=True))
    assert len(spaces) == 1 + 3, "every part checkpoints in a namespace of its own"
    before = set(LLMCall.objects.filter(session_id=session.pk, status="finished").values_list("pk", flat=True))
    kept = {row.key: row.claim for row in Contribution.objects.filter(session=session)}

    offline.mend()
    resume_session_from_checkpoint(session.pk, actor=session.owner)
    assert drive_session(session.pk) == Status.COMPLETED

    said = {row.key: row.claim for row in Contribution.objects.filter(session=session)}
    assert {key: said[key] for key in kept} == kept
    fresh = LLMCall.objects.filter(session_id=session.pk, status="finished").exclude(pk__in=before)
    again = Counter(fresh.exclude(persona="").values_list("node", "persona"))
    missing = Counter(
        ("persona", key.split(":")[2]) for key in said.keys() - kept.keys() if key.startswith("sp1:")
    ) + Counter(("vote", row.persona) for row in Recommendation.objects.filter(session=session, sub_problem=1))
    assert {key: count for key, count in again.items() if key[0] != "moderate"} == missing
    finished = LLMCall.objects.filter(session_id=session.pk, status="finished")
    repeated = Counter(finished.values_list("node", "persona", "task_id", "call_no", "attempt"))
    assert max(repeated.values()) == 1
    usable = finished.exclude(pk__in=[call.pk for call in finished if call.error_code])
    rows = sum(
        table.objects.filter(session=session).count()
        for table in (SubProblem, Contribution, Assessment, Intervention, Recommendation)
    )
    assert usable.count() == 4 + rows, "one paid answer for each row, and frame, decompose, synthesis, plan"
    sequence = list(Event.objects.filter(session=session).order_by("sequence").values_list("sequence", flat=True))
    assert sequence == list(range(1, len(sequence) + 1))
    keys = Counter(Event.objects.filter(session=session).values_list("key", flat=True))
    assert max(keys.values()) == 1
