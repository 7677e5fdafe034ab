"""SE3: back to a step inside the debate of a sub-problem, on real parts; its siblings keep what they have."""

from collections import Counter
from typing import Any

import pytest

from llm.models import LLMCall
from sessions.models import Checkpoint, Contribution, Event, Memo, Recommendation, Session, Status
from sessions.runner.foreground import drive_session
from sessions.services import start
from sessions.services.places import places
from sessions.services.recovery import resume_session_from_checkpoint, retry_points
from tests.graph.test_broken_part import HARD
from tests.graph.test_over_http import CHOICES, PROBLEM
from tests.llm.conftest import Offline


def live(session: Session) -> dict[str, str]:
    rows = Contribution.objects.filter(session=session, superseded=False)
    return {row.key: row.claim for row in rows}


def named(session: Session, place: str) -> Checkpoint:
    """The retry point that says that it is at ``place``."""
    points = retry_points(session)
    told = places(str(session.pk), points)
    assert all(told), "each says where it is"
    found = [point for point, at in zip(points, told, strict=True) if at == place]
    assert len(found) == 1, (place, sorted(set(told)))
    return found[0]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("settled", [False, True], ids=["broken at the end", "other parts settled"])
def test_a_debate_goes_back_to_the_round_that_its_owner_chose(
    offline: Offline, make_session: Any, settled: bool
) -> None:
    session = make_session(problem=PROBLEM, options=CHOICES, constraints=HARD if settled else [], max_rounds=3)
    start.start(session)
    for provider in ("anthropic", "openai"):  # nobody can write a memo, so that the session rests before its end
        offline.fault(provider=provider, kind="bad_schema", match="<votes")
    status = drive_session(session.pk)
    assert status == Status.FAILED
    session.refresh_from_db()
    assert session.failure is not None
    assert session.failure["node"] == "synthesis"
    parts = {row.sub_problem for row in Recommendation.objects.filter(session=session)}
    before, votes = live(session), Recommendation.objects.filter(session=session).count()
    calls = set(LLMCall.objects.filter(session_id=session.pk).values_list("pk", flat=True))

    offline.mend()
    target = named(session, "part 1, before round 2" if settled else "before round 2")
    resume_session_from_checkpoint(session.pk, target.checkpoint_id, actor=session.owner)
    kept = live(session)
    assert {key for key in before if key not in kept} == {
        key for key in before if key.startswith("sp0:") and not key.startswith("sp0:r1:")
    } | {key for key in before if settled and key.startswith("sp2:")}, "the third part builds on the first"
    assert drive_session(session.pk) == Status.COMPLETED
    again = live(session)
    assert {key: again[key] for key in kept} == kept
    assert again.keys() >= {key for key in before if key.startswith("sp0:r2:")}
    assert Recommendation.objects.filter(session=session, superseded=False).count() == votes
    assert Memo.objects.filter(session=session, superseded=False).count() == 1
    assert {row.sub_problem for row in Recommendation.objects.filter(session=session, superseded=False)} == parts
    fresh = LLMCall.objects.filter(session_id=session.pk).exclude(pk__in=calls)
    assert set(fresh.values_list("node", flat=True)) <= {"synthesis", "plan"}, "identical prompts are answered already"
    keys = Counter(Event.objects.filter(session=session).values_list("key", flat=True))
    assert max(keys.values()) == 1
    sequence = list(Event.objects.filter(session=session).order_by("sequence").values_list("sequence", flat=True))
    assert sequence == list(range(1, len(sequence) + 1))
