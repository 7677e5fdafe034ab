"""A board with history: a thousand sessions, and one with a row of every kind."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.utils import timezone

from llm.models import LLMCall
from sessions import events, models
from sessions.documents import Upload, read
from sessions.events import Draft
from sessions.models import Phase, Session, Status
from sessions.services.audit import record
from sessions.services.start import Decision, create
from tests import emptying
from tests.conftest import PROBLEM


@pytest.fixture
def site(staff: Any) -> Client:
    """A superuser's browser."""
    client = Client()
    client.force_login(staff)
    return client


@pytest.fixture
def member(django_user_model: Any) -> Callable[..., Client]:
    """The browser of a member of staff with these permissions only, such as ``view_session``."""

    def make(*codenames: str) -> Client:
        person = django_user_model.objects.create_user("edsger", password="a-long-enough-secret", is_staff=True)
        person.user_permissions.add(*Permission.objects.filter(codename__in=codenames, content_type__app_label="board"))
        client = Client()
        client.force_login(person)
        return client

    return make


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    """Hashing a password for real takes longer than most tests."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@dataclass(frozen=True, slots=True)
class History:
    staff: Any
    thousand: list[Session]
    full: Session


@pytest.fixture(scope="module")
def history(django_db_setup: None, django_db_blocker: Any) -> Iterator[History]:
    """Committed once for all tests of a module, which only read it; gone afterwards."""
    with django_db_blocker.unblock():
        staff = get_user_model().objects.create_superuser("barbara")
        owner = get_user_model().objects.create_user("donald")
        found = History(staff, _thousand(owner), _full(owner, staff))
    yield found
    with django_db_blocker.unblock():
        emptying.empty()
        connection.close()


@pytest.fixture
def full(db: None, history: History) -> Session:
    return history.full


@pytest.fixture
def viewer(db: None, history: History) -> Client:
    """A superuser's browser on the board with history."""
    client = Client()
    client.force_login(history.staff)
    return client


def _thousand(owner: Any) -> list[Session]:
    """Sessions in every status and phase."""
    now = timezone.now()
    rows = [
        Session(
            owner=owner,
            title=f"Decision {n}",
            problem_statement=PROBLEM,
            status=list(Status)[n % len(Status)],
            phase=list(Phase)[n % len(Phase)],
            failure={"code": "overloaded", "message": "Busy.", "recoverable": n % 2 == 0, "node": "debate"},
            cost_cap=Decimal("2.50") if n % 3 else None,
            lease_owner="worker-1" if n % 5 == 0 else "",
            lease_until=now - timedelta(seconds=9) if n % 5 == 0 else None,
            claims=n % 4,
        )
        for n in range(1000)
    ]
    return Session.objects.bulk_create(rows)


def _full(owner: Any, staff: Any) -> Session:
    """A session with at least one row in every table."""
    papers = read([Upload("<script>.md", b"<script>alert(1)</script> Rents <b>rise</b>.")])
    decision = Decision(
        PROBLEM, context="Rents <b>rise</b>.", options=["Move", "Stay"], cost_cap=Decimal("2.5"), documents=papers
    )
    session = create(owner, decision)
    key = str(session.pk)
    events.append(
        session.pk, [Draft("interjection", {"text": "<script>alert(1)</script>"}, f"i{n}") for n in range(60)]
    )
    said = {"session": session, "persona": "actuary", "name": "The actuary", "option": "Stay", "confidence": 0.7}
    models.Contribution.objects.create(key="c", round=1, claim="<b>Rents</b>", reasons=["a"], **said)
    models.Recommendation.objects.create(key="r", recommendation="Stay", reasons=["a"], **said)
    models.Assessment.objects.create(
        session=session, key="a", round=1, summary="s", convergence=0.5, novelty=0.5, conflict=0.5, decision="go",
        reason="r",
    )  # fmt: skip
    models.Memo.objects.create(
        session=session, key="m", recommendation="Stay", confidence=0.7, confidence_basis="b", rationale="r"
    )
    models.Resolution.objects.create(session=session, decision="We stay", followed="yes", decided_on="2026-03-01")
    models.ActionProposal.objects.create(
        session=session, key="p", position=0, title="Call", what="w", due_in_days=3, priority="high", success="s"
    )
    models.SubProblem.objects.create(session=session, key="s", position=0, title="All", question="Where?")
    models.Seat.objects.create(session=session, key="s", persona="actuary", name="The actuary", method="m", reason="r")
    models.Intervention.objects.create(
        session=session, key="i", round=2, moderator="sceptic", name="The sceptic", cause="early agreement",
        reason="r", claim="<b>Rents</b>", question="q",
    )  # fmt: skip
    models.Run.objects.create(session=session, fence=1, worker="worker-1", outcome="lost", ended_at=timezone.now())
    models.Run.objects.create(session=session, fence=2, worker="worker-2")
    models.Checkpoint.objects.create(thread_id=key, checkpoint_id="1f0", source="loop", step=1, body={"v": 4})
    models.CheckpointBlob.objects.create(thread_id=key, channel="c", version="1", type="msgpack", blob=b"\x00" * 2000)
    models.CheckpointWrite.objects.create(
        thread_id=key, checkpoint_id="1f0", task_id="t", idx=0, channel="c", type="msgpack", blob=None
    )
    models.IdempotencyKey.objects.create(user=staff, scope="POST /", key="k", digest="d", status=201, body={"a": 1})
    models.RunnerSlot.objects.create(host="h", number=1, owner="worker-1", lease_until=timezone.now())
    evaluation = models.Evaluation.objects.create(name="decisions-1", suite="decisions", digest="d")
    models.Trial.objects.create(
        evaluation=evaluation, case="c", mode="board", session_id=session.pk, answer={"said": "<b>Stay</b>"}
    )
    record(staff, "look", session, reason="an alert")
    for cost in (Decimal("0.01"), None):
        LLMCall.objects.create(
            session_id=session.pk, provider="anthropic", model="m", tier="core", cost=cost, status="finished"
        )
    return session
