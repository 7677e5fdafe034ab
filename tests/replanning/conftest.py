"""Material for the tests of plans."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from replanning.models import Action, Project, State
from replanning.services import actions, projects
from sessions.models import ActionProposal, Memo, Session, Status
from sessions.services.start import Decision, create, start
from sessions.transitions import transition
from tests.conftest import PROBLEM


def propose(session: Session, count: int = 3, titles: tuple[str, ...] = ()) -> list[ActionProposal]:
    """``count`` proposals of the session, as its planning step would leave them."""
    names = titles or tuple(f"Step {number}" for number in range(1, count + 1))
    return ActionProposal.objects.bulk_create(
        ActionProposal(
            session=session,
            key=f"action:{number}",
            position=number,
            title=title,
            what=f"Do {title.lower()} with the people it concerns.",
            owner="Head of support",
            due_in_days=14 + number,
            priority="high",
            success="It is in the minutes.",
            kill="Nobody has time before June.",
        )
        for number, title in enumerate(names)
    )


def finish(session_id: UUID, status: Status = Status.COMPLETED) -> None:
    """Bring a queued session to its end, as a runner would."""
    session = Session.objects.get(pk=session_id)
    if session.status == Status.QUEUED and status is not Status.KILLED:
        transition(session_id, Status.RUNNING, data={"worker": "test", "fence": 1})
    failure = {"code": "provider_down", "message": "No provider answers.", "recoverable": True}
    transition(session_id, status, data=failure if status is Status.FAILED else {})


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    """Signing in is not what these tests are about."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def completed(user: Any) -> Callable[..., Session]:
    """A completed session of ``user`` (or ``owner``) with a memo and proposals."""

    def make(count: int = 3, owner: Any = None, titles: tuple[str, ...] = ()) -> Session:
        session = start(create(owner or user, Decision(PROBLEM, constraints=["Not before May"])))
        propose(session, count, titles)
        Memo.objects.create(
            session=session,
            key="memo",
            recommendation="Stay in Leeds and hire four people.",
            confidence=0.7,
            confidence_basis="Three of four agree.",
            rationale="The move costs more than it saves.",
            dissent={"persona": "Nia", "position": "Lisbon is cheaper within a year.", "quote": "Look at the rent."},
            tripwires=["Rent in Leeds rises by a fifth"],
        )
        finish(session.pk)
        session.refresh_from_db()
        return session

    return make


@pytest.fixture
def project(user: Any) -> Project:
    return projects.create(user, "Support team")


@pytest.fixture
def make_action(project: Project, user: Any) -> Callable[..., Action]:
    """An action of ``project`` in ``state``, brought there by legal moves."""

    def make(title: str = "Hire four people", state: State = State.TODO, **fields: Any) -> Action:
        action = actions.add(
            fields.pop("project", project).pk, {"title": title, "what": "With care.", **fields}, actor=user
        )
        for step in {
            State.TODO: [],
            State.DONE: [State.IN_PROGRESS, State.DONE],
            State.FAILED: [State.IN_PROGRESS, State.FAILED],
            State.IN_REVIEW: [State.IN_PROGRESS, State.IN_REVIEW],
        }.get(state, [state]):
            reason = "The works council objects" if step in (State.BLOCKED, State.FAILED) else ""
            action = actions.move(action.pk, step, actor=user, reason=reason)
        return action

    return make


@pytest.fixture
def blocked(make_action: Callable[..., Action]) -> Action:
    return make_action(state=State.BLOCKED)
