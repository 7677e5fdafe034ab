"""Replan repair against what nobody thought of (RP3): mixtures of damage are mended, lawful histories left alone."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from django_q.models import OrmQ
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from replanning.errors import Conflict
from replanning.models import Action, LinkKind, ProjectSession, Replan, Stage, State
from replanning.models.replan import OPEN
from replanning.services import actions, offer, repair
from replanning.services.replan import replan
from replanning.states import REPLANNABLE
from sessions.models import Session, Status
from sessions.transitions import IllegalTransition, transition
from tests.replanning.conftest import finish, propose
from tests.replanning.test_faults import state
from tests.replanning.test_repair import NOBODY, long_ago, without_foreign_keys

pytestmark = pytest.mark.slow
ONE_OF_TWO = st.integers(0, 1)
SOME = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Hammer:
    """Blows that a bad restore or a hand on the database can deal to either of two replans, in any order."""

    def __init__(self, asked: list[Replan]) -> None:
        self.replans = [one.pk for one in asked]
        self.sessions: list[Any] = [one.session_id for one in asked]
        self.actions = [one.action_id for one in asked]

    def link_lost(self, n: int, _: int) -> None:
        ProjectSession.objects.filter(session_id=self.sessions[n]).delete()

    def link_changed(self, n: int, seed: int) -> None:
        kind, about = list(LinkKind)[seed % 3], [None, *self.actions][seed % 3]
        ProjectSession.objects.filter(session_id=self.sessions[n]).update(kind=kind, action_id=about)

    def replan_lost(self, n: int, _: int) -> None:
        Replan.objects.filter(pk=self.replans[n]).delete()

    def replan_moved(self, n: int, seed: int) -> None:
        Replan.objects.filter(pk=self.replans[n]).update(action_id=self.actions[seed % 2])

    def stage_changed(self, n: int, seed: int) -> None:
        Replan.objects.filter(pk=self.replans[n]).update(stage=list(Stage)[seed % 5], ended_at=timezone.now())

    def pointer_changed(self, n: int, seed: int) -> None:
        Action.objects.filter(pk=self.actions[n]).update(replan_session_id=[None, NOBODY, *self.sessions][seed % 4])

    def session_lost(self, n: int, _: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM board_session WHERE id = %s", [self.sessions[n]])

    def session_changed(self, n: int, seed: int) -> None:
        status = list(Status)[seed % 8]
        over = status in (Status.COMPLETED, Status.FAILED, Status.KILLED)
        Session.objects.filter(pk=self.sessions[n]).update(status=status, finished_at=timezone.now() if over else None)
        long_ago(self.sessions[n])

    def session_has_a_plan(self, n: int, _: int) -> None:
        session = Session.objects.filter(pk=self.sessions[n]).first()
        if session is not None and not session.actionproposals.exists():
            propose(session, 1)

    def action_lost(self, n: int, _: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM replanning_action WHERE id = %s", [self.actions[n]])

    def queue_lost(self, _: int, __: int) -> None:
        OrmQ.objects.all().delete()


BLOWS = st.lists(
    st.tuples(
        st.sampled_from([name for name in vars(Hammer) if not name.startswith("_")]), ONE_OF_TWO, st.integers(0, 119)
    ),
    max_size=7,
)


@pytest.fixture
def two(make_action: Callable[..., Action], user: Any) -> list[Replan]:
    return [replan(make_action(title, State.BLOCKED).pk, actor=user).replan for title in ("One", "Other")]


@SOME
@given(BLOWS)
def test_any_mixture_of_damage_is_mended_in_one_run_and_leaves_no_action_stuck(
    two: list[Replan], user: Any, blows: list[tuple[str, int, int]]
) -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("DROP INDEX replan_open")
        hammer = Hammer(two)
        for name, n, seed in blows:
            with without_foreign_keys():
                getattr(hammer, name)(n, seed)
        report = repair.repair()
        assert [one for one in report if one.error] == []
        assert repair.repair() == [], "a second run finds nothing"
        for action in Action.objects.filter(status__in=REPLANNABLE):
            asked = replan(action.pk, actor=user).replan
            assert asked.is_open
            assert Replan.objects.filter(action=action, stage__in=OPEN).count() == 1
            assert Action.objects.get(pk=action.pk).replan_session_id == asked.session_id
        transaction.set_rollback(True)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("replan"), ONE_OF_TWO),
        st.tuples(st.sampled_from(["complete", "complete without a plan", "fail", "kill", "retry"]), ONE_OF_TWO),
        st.tuples(st.sampled_from(["accept", "decline"]), ONE_OF_TWO),
        st.tuples(
            st.sampled_from([State.TODO, State.IN_PROGRESS, State.BLOCKED, State.DONE, State.FAILED]), ONE_OF_TWO
        ),
    ),
    max_size=12,
)


@SOME
@given(STEPS)
def test_whatever_people_and_boards_do_in_whatever_order_there_is_nothing_to_repair(
    two: list[Replan], user: Any, steps: list[tuple[Any, int]]
) -> None:
    with transaction.atomic():
        for step, n in steps:
            try:
                _take(step, two[n].action_id, user)
            except (Conflict, IllegalTransition):
                continue  # refused, as it would be to anybody
        Session.objects.update(queued_at=timezone.now() - timedelta(hours=1))
        Session.objects.filter(finished_at__isnull=False).update(finished_at=timezone.now() - timedelta(minutes=59))
        Replan.objects.filter(ended_at__isnull=False).update(ended_at=timezone.now())
        before = state()
        assert repair.repair() == []
        assert state() == before
        transaction.set_rollback(True)


def _take(step: Any, action_id: Any, user: Any) -> None:
    if isinstance(step, State):
        actions.move(action_id, step, actor=user, reason="Because")
        return
    if step == "replan":
        replan(action_id, actor=user)
        return
    newest = Replan.objects.filter(action_id=action_id).order_by("-id")[0]
    if step == "accept":
        offer.accept_plan(newest.pk, actor=user)
    elif step == "decline":
        offer.decline(newest.pk, actor=user)
    else:
        _end(step, newest.session)


def _end(how: str, session: Session | None) -> None:
    """Bring the session of a replan to an end (or back into line), and let the queue draw the consequence."""
    assert session is not None
    if how == "retry":
        transition(session.pk, Status.QUEUED, data={"reason": "retried"}, only_from=Status.FAILED)
        return
    if how == "complete" and not session.actionproposals.exists():
        propose(session, 1)
    finish(session.pk, {"fail": Status.FAILED, "kill": Status.KILLED}.get(how, Status.COMPLETED))
    offer.settle(session.pk)
