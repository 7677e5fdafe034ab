"""Bringing an action back to the board, and what becomes of it (RP1, RP2, RP3)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django_q.models import OrmQ

from replanning import tasks
from replanning.errors import Conflict, Forbidden
from replanning.models import Action, ActionDependency, LinkKind, ProjectSession, Replan, Stage, State
from replanning.services import actions, dependencies, offer
from replanning.services.accept import Item, accept, proposals_of
from replanning.services.replan import replan
from sessions.models import AuditEntry, Session, Status
from sessions.transitions import transition
from tests.replanning.conftest import finish, propose


def offered(action: Action, actor: Any, count: int = 2) -> Replan:
    """A replan of ``action`` whose session has completed with ``count`` proposals."""
    asked = replan(action.pk, actor=actor).replan
    assert asked.session is not None
    propose(asked.session, count, tuple(f"New step {n}" for n in range(1, count + 1)))
    finish(asked.session.pk)
    offer.settle(asked.session.pk)
    asked.refresh_from_db()
    return asked


def test_session_link_action_and_queue_entry_come_together(blocked: Action, user: Any) -> None:
    asked = replan(blocked.pk, actor=user)
    assert asked.fresh
    session = Session.objects.get()
    blocked.refresh_from_db()
    assert session.status == Status.QUEUED
    assert asked.replan.session == blocked.replan_session == session
    link = ProjectSession.objects.get()
    assert (link.project_id, link.session_id, link.action_id, link.kind) == (
        blocked.project_id,
        session.pk,
        blocked.pk,
        LinkKind.REPLANNING,
    )
    assert [entry.func() for entry in OrmQ.objects.all()] == ["sessions.tasks.run"]
    assert session.owner == user
    assert AuditEntry.objects.filter(action="replan", object_id=str(blocked.pk)).count() == 1


def test_the_question_tells_the_action_its_reason_its_neighbours_and_the_earlier_decision(
    completed: Callable[..., Session], user: Any
) -> None:
    source = completed(3)
    one, _, three = accept(source.pk, actor=user).accepted
    dependencies.tie(three.pk, one.pk, actor=user)
    actions.move(one.pk, State.BLOCKED, actor=user, reason="The works council objects")
    session = replan(one.pk, actor=user, reason="The budget is agreed by now").replan.session
    assert session is not None
    assert session.title.startswith("“Step 1” is blocked")
    assert "The budget is agreed by now" in session.problem_statement
    assert "The works council objects" in session.problem_statement
    assert "It is in the minutes." in session.problem_statement
    assert "- Step 3 (waits for it; blocked)" in session.context
    assert "- Step 2 (of the same decision; to do)" in session.context
    assert "Stay in Leeds and hire four people." in session.context
    assert "Lisbon is cheaper within a year." in session.context
    assert session.constraints == ["Not before May"]


def test_no_text_of_an_action_can_keep_it_from_being_replanned(blocked: Action, user: Any) -> None:
    nasty = {"what": "\x07" + "long " * 30_000, "blocked_reason": "a\x1b[31m\n\n\n\n\nb" + "y" * 90_000}
    Action.objects.filter(pk=blocked.pk).update(title="\u202eevil</decision>", **nasty)
    session = replan(blocked.pk, actor=user).replan.session
    assert session is not None
    assert "\x1b" not in session.problem_statement
    assert "\u202e" not in session.problem_statement
    assert "\n\n\n" not in session.problem_statement
    assert len(session.problem_statement) < 10_000


@pytest.mark.parametrize("state", [State.TODO, State.IN_PROGRESS, State.DONE, State.CANCELLED])
def test_only_what_is_blocked_failed_or_abandoned_is_replanned(
    make_action: Callable[..., Action], user: Any, state: State
) -> None:
    with pytest.raises(Conflict) as error:
        replan(make_action(state=state).pk, actor=user)
    assert error.value.code == "not_replannable"
    assert not Session.objects.exists()


def test_a_reader_may_not_replan(blocked: Action, django_user_model: Any) -> None:
    with pytest.raises(Forbidden):
        replan(blocked.pk, actor=django_user_model.objects.create_user("eve"))
    assert not Session.objects.exists()


def test_pressing_again_gives_the_same_replan(blocked: Action, user: Any) -> None:
    first, second = replan(blocked.pk, actor=user), replan(blocked.pk, actor=user)
    assert (first.fresh, second.fresh) == (True, False)
    assert first.replan == second.replan
    assert Session.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_twenty_who_press_at_once_one_starts_a_session_and_nineteen_are_pointed_to_it(
    blocked: Action, user: Any
) -> None:
    """RP2, on twenty real connections that start together."""
    together = Barrier(20)

    def press(_: int) -> tuple[bool, Any]:
        try:
            together.wait(30)
            asked = replan(blocked.pk, actor=user)
            return asked.fresh, asked.replan.session_id
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as people:
        answers = list(people.map(press, range(20)))
    assert sorted(fresh for fresh, _ in answers) == [False] * 19 + [True]
    assert {session for _, session in answers} == {Session.objects.get().pk}
    assert (Replan.objects.count(), ProjectSession.objects.count()) == (1, 1)


def test_the_database_itself_refuses_a_second_open_replan(blocked: Action, user: Any) -> None:
    replan(blocked.pk, actor=user)
    with pytest.raises(IntegrityError, match="replan_open"), transaction.atomic():
        Replan.objects.create(action=blocked, stage=Stage.OFFERED)


# -- the end of the session ---------------------------------------------------------------------------------------


def test_the_end_of_the_session_enqueues_what_follows_in_the_same_transaction(blocked: Action, user: Any) -> None:
    session = replan(blocked.pk, actor=user).replan.session
    assert session is not None
    OrmQ.objects.all().delete()
    transition(session.pk, Status.RUNNING, data={"worker": "w", "fence": 1})
    with transaction.atomic():
        transition(session.pk, Status.COMPLETED)
        assert [entry.func() for entry in OrmQ.objects.all()] == ["replanning.tasks.settle"]
        transaction.set_rollback(True)
    assert not OrmQ.objects.exists()
    transition(session.pk, Status.COMPLETED)
    assert [entry.func() for entry in OrmQ.objects.all()] == ["replanning.tasks.settle"]


def test_the_end_of_any_other_session_enqueues_nothing(completed: Callable[..., Session]) -> None:
    completed()
    assert "replanning.tasks.settle" not in [entry.func() for entry in OrmQ.objects.all()]


def test_a_receiver_that_fails_never_undoes_the_end_of_a_session(blocked: Action, user: Any) -> None:
    """The queue's table is gone: a real error of the database inside the terminal transaction."""
    session = replan(blocked.pk, actor=user).replan.session
    assert session is not None
    transition(session.pk, Status.RUNNING, data={"worker": "w", "fence": 1})
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE django_q_ormq RENAME TO gone")
    transition(session.pk, Status.COMPLETED)
    session.refresh_from_db()
    assert session.status == Status.COMPLETED


def test_a_completed_session_offers_its_plan(blocked: Action, user: Any) -> None:
    asked = replan(blocked.pk, actor=user).replan
    assert asked.session is not None
    propose(asked.session)
    finish(asked.session.pk)
    for _ in range(2):  # a task may come twice
        tasks.settle(str(asked.session.pk))
    asked.refresh_from_db()
    blocked.refresh_from_db()
    assert asked.stage == Stage.OFFERED
    assert blocked.status == State.BLOCKED
    assert AuditEntry.objects.filter(action="offer_plan").count() == 1


def test_accepting_the_new_plan_makes_the_old_action_replanned(
    blocked: Action, make_action: Callable[..., Action], user: Any
) -> None:
    waiting = make_action("Train them")
    dependencies.tie(waiting.pk, blocked.pk, actor=user)
    asked = offered(blocked, user)
    first, second = proposals_of(asked.session_id)  # type: ignore[arg-type]
    report = offer.accept_plan(asked.pk, actor=user, items=[Item(first.pk), Item(second.pk, {"title": "Ask again"})])
    blocked.refresh_from_db()
    asked.refresh_from_db()
    waiting.refresh_from_db()
    assert [action.title for action in report.accepted] == ["New step 1", "Ask again"]
    assert {action.replaces_id for action in report.accepted} == {blocked.pk}
    assert (blocked.status, asked.stage, blocked.replan_session) == (State.REPLANNED, Stage.ACCEPTED, None)
    held_by = ActionDependency.objects.filter(action=waiting).values_list("predecessor__title", flat=True)
    assert set(held_by) == {blocked.title, "New step 1", "Ask again"}
    assert (waiting.status, waiting.held) == (State.BLOCKED, True), "what waited for the old action waits for the new"
    for action in report.accepted:
        actions.move(action.pk, State.IN_PROGRESS, actor=user)
        actions.move(action.pk, State.DONE, actor=user)
    waiting.refresh_from_db()
    assert waiting.status == State.TODO


def test_accepting_the_new_plan_twice_makes_nothing_twice(blocked: Action, user: Any) -> None:
    asked = offered(blocked, user)
    first = offer.accept_plan(asked.pk, actor=user)
    second = offer.accept_plan(asked.pk, actor=user)
    assert second.already == first.accepted
    assert blocked.replacements.count() == 2


def test_a_declined_plan_leaves_the_action_open_to_another_replan(blocked: Action, user: Any) -> None:
    asked = offered(blocked, user)
    offer.decline(asked.pk, actor=user, reason="Too slow")
    blocked.refresh_from_db()
    assert (blocked.status, blocked.replan_session) == (State.BLOCKED, None)
    assert replan(blocked.pk, actor=user).fresh


@pytest.mark.parametrize("end", [Status.FAILED, Status.KILLED])
def test_a_dead_session_opens_replanning_again(blocked: Action, user: Any, end: Status) -> None:
    """RP3."""
    asked = replan(blocked.pk, actor=user).replan
    finish(asked.session_id, end)  # type: ignore[arg-type]
    tasks.settle(str(asked.session_id))
    asked.refresh_from_db()
    blocked.refresh_from_db()
    assert (asked.stage, blocked.replan_session) == (Stage.DIED, None)
    assert replan(blocked.pk, actor=user).fresh


@pytest.mark.parametrize("end", [Status.FAILED, Status.KILLED])
def test_a_dead_session_is_no_obstacle_even_when_nobody_noticed_its_end(
    blocked: Action, user: Any, end: Status
) -> None:
    """RP3: the queue entry of the consequence was lost."""
    first = replan(blocked.pk, actor=user).replan
    finish(first.session_id, end)  # type: ignore[arg-type]
    second = replan(blocked.pk, actor=user)
    first.refresh_from_db()
    assert second.fresh
    assert first.stage == Stage.DIED


def test_a_deleted_session_is_no_obstacle(blocked: Action, user: Any) -> None:
    first = replan(blocked.pk, actor=user).replan
    Session.objects.get(pk=first.session_id).delete()
    assert replan(blocked.pk, actor=user).fresh


def test_a_failed_session_that_was_retried_offers_its_plan_after_all(blocked: Action, user: Any) -> None:
    asked = replan(blocked.pk, actor=user).replan
    assert asked.session is not None
    finish(asked.session.pk, Status.FAILED)
    offer.settle(asked.session.pk)
    transition(asked.session.pk, Status.QUEUED, data={"reason": "retried"})
    propose(asked.session)
    finish(asked.session.pk)
    offer.settle(asked.session.pk)
    asked.refresh_from_db()
    blocked.refresh_from_db()
    assert (asked.stage, blocked.replan_session_id) == (Stage.OFFERED, asked.session_id)


def test_a_session_that_was_retried_does_not_push_out_a_newer_replan(blocked: Action, user: Any) -> None:
    old = replan(blocked.pk, actor=user).replan
    assert old.session is not None
    finish(old.session.pk, Status.FAILED)
    new = replan(blocked.pk, actor=user).replan
    transition(old.session.pk, Status.QUEUED, data={"reason": "retried"})
    propose(old.session)
    finish(old.session.pk)
    offer.settle(old.session.pk)
    old.refresh_from_db()
    new.refresh_from_db()
    assert (old.stage, new.stage) == (Stage.DIED, Stage.LIVE)


def test_nobody_is_offered_a_plan_for_what_is_done_meanwhile(blocked: Action, user: Any) -> None:
    asked = replan(blocked.pk, actor=user).replan
    actions.move(blocked.pk, State.IN_PROGRESS, actor=user)
    actions.move(blocked.pk, State.DONE, actor=user)
    assert asked.session is not None
    propose(asked.session)
    finish(asked.session.pk)
    offer.settle(asked.session.pk)
    asked.refresh_from_db()
    assert (asked.stage, asked.outcome) == (Stage.DECLINED, "The action is done meanwhile.")


def test_an_offer_is_withdrawn_when_the_action_is_done_after_all(blocked: Action, user: Any) -> None:
    asked = offered(blocked, user)
    actions.move(blocked.pk, State.IN_PROGRESS, actor=user)
    actions.move(blocked.pk, State.DONE, actor=user)
    asked.refresh_from_db()
    blocked.refresh_from_db()
    assert (asked.stage, blocked.replan_session) == (Stage.DECLINED, None)


def test_a_session_without_proposals_offers_nothing(blocked: Action, user: Any) -> None:
    asked = replan(blocked.pk, actor=user).replan
    finish(asked.session_id)  # type: ignore[arg-type]
    for _ in range(2):
        offer.settle(asked.session_id)  # type: ignore[arg-type]
    asked.refresh_from_db()
    assert (asked.stage, asked.outcome) == (Stage.DIED, "Its session proposed no actions.")
    assert replan(blocked.pk, actor=user).fresh
