"""Accepting what the board proposes (DB5): good rows are kept, bad ones named, nothing half done."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from replanning.errors import Conflict, PlanError
from replanning.models import Action, LinkKind, Project, ProjectSession
from replanning.services.accept import Item, NothingAccepted, accept, proposals_of
from sessions.models import ActionProposal, AuditEntry, Session


def test_all_proposals_become_actions_of_a_new_project(completed: Callable[..., Session], user: Any) -> None:
    session = completed(3)
    report = accept(session.pk, actor=user)
    assert [action.title for action in report.accepted] == ["Step 1", "Step 2", "Step 3"]
    assert report.project.links.get().kind == LinkKind.CREATED_FROM
    action = report.accepted[0]
    assert (action.session_id, action.owner, action.success) == (session.pk, "Head of support", "It is in the minutes.")
    assert action.due_on is not None


def test_the_owner_edits_and_chooses_before_accepting(
    completed: Callable[..., Session], project: Project, user: Any
) -> None:
    session = completed(3)
    first, _, third = proposals_of(session.pk)
    items = [Item(third.pk, {"title": "Hire two people", "owner": "Ada"}), Item(first.pk)]
    report = accept(session.pk, actor=user, items=items, project_id=project.pk)
    assert [(action.title, action.owner) for action in project.actions.all()] == [
        ("Hire two people", "Ada"),
        ("Step 1", "Head of support"),
    ]
    assert project.links.get().kind == LinkKind.DISCUSSES
    assert report.project == project


def test_of_one_hundred_actions_with_a_bad_one_ninety_nine_are_saved_and_one_is_reported(
    completed: Callable[..., Session], user: Any
) -> None:
    """The bad one is refused by the database itself, number 99 of 100."""
    session = completed(titles=tuple(f"Step {n}" if n != 99 else "Poison" for n in range(1, 101)))
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE replanning_action ADD CONSTRAINT no_poison CHECK (title <> 'Poison')")
    report = accept(session.pk, actor=user)
    assert len(report.accepted) == Action.objects.count() == 99
    (bad,) = report.rejected
    assert (bad.index, bad.title, bad.code) == (98, "Poison", "refused_by_database")
    assert "no_poison" in bad.message
    entry = AuditEntry.objects.get(action="accept_actions")
    assert entry.after["rejected"] == [{"index": 98, "title": "Poison", "code": "refused_by_database"}]


def test_a_row_that_breaks_a_rule_is_reported_beside_one_that_the_database_refuses(
    completed: Callable[..., Session], user: Any
) -> None:
    session = completed(3)
    one, two, three = proposals_of(session.pk)
    report = accept(
        session.pk, actor=user, items=[Item(one.pk, {"title": ""}), Item(two.pk), Item(three.pk, {"progress": -1})]
    )
    assert [(row.index, row.code) for row in report.rejected] == [(0, "required"), (2, "out_of_range")]
    assert [action.title for action in report.accepted] == ["Step 2"]


def test_when_every_row_is_bad_nothing_is_changed_at_all(completed: Callable[..., Session], user: Any) -> None:
    session = completed(1)
    (only,) = proposals_of(session.pk)
    with pytest.raises(NothingAccepted):
        accept(session.pk, actor=user, items=[Item(only.pk, {"title": ""})])
    assert not Project.objects.exists()
    assert not ProjectSession.objects.exists()


def test_accepting_twice_makes_nothing_twice(completed: Callable[..., Session], user: Any) -> None:
    session = completed(3)
    first = accept(session.pk, actor=user)
    second = accept(session.pk, actor=user)
    assert second.project == first.project
    assert (len(second.accepted), len(second.already)) == (0, 3)
    assert (Project.objects.count(), Action.objects.count()) == (1, 3)


@pytest.mark.django_db(transaction=True)
def test_of_five_who_accept_at_once_one_makes_the_plan_and_the_others_are_told_of_it(
    completed: Callable[..., Session], user: Any
) -> None:
    """On real connections that start together: one project, every action once, nobody gets an error."""
    session, together = completed(3), Barrier(5)

    def press(_: int) -> tuple[Any, int, int]:
        try:
            together.wait(30)
            report = accept(session.pk, actor=user)
            return report.project.pk, len(report.accepted), len(report.already)
        finally:
            connection.close()

    with ThreadPoolExecutor(5) as people:
        answers = list(people.map(press, range(5)))
    assert {project for project, _, _ in answers} == {Project.objects.get().pk}
    assert sorted(made for _, made, _ in answers) == [0, 0, 0, 0, 3]
    assert sorted(already for _, _, already in answers) == [0, 3, 3, 3, 3]
    assert Action.objects.count() == 3


def test_what_a_retry_has_left_behind_is_not_proposed(completed: Callable[..., Session], user: Any) -> None:
    session = completed(2)
    ActionProposal.objects.filter(session=session, position=0).update(superseded=True)
    assert [action.title for action in accept(session.pk, actor=user).accepted] == ["Step 2"]


def test_a_session_that_is_not_completed_has_no_plan(make_session: Callable[..., Session], user: Any) -> None:
    with pytest.raises(Conflict) as error:
        accept(make_session().pk, actor=user)
    assert error.value.code == "no_plan_yet"


def test_somebody_elses_session_does_not_exist(completed: Callable[..., Session], django_user_model: Any) -> None:
    session = completed()
    with pytest.raises(PlanError, match="no such session"):
        accept(session.pk, actor=django_user_model.objects.create_user("eve"))


def test_a_proposal_of_another_session_is_refused(completed: Callable[..., Session], user: Any) -> None:
    foreign = proposals_of(completed(1).pk)[0]
    with pytest.raises(PlanError) as error:
        accept(completed(1).pk, actor=user, items=[Item(foreign.pk)])
    assert error.value.code == "unknown_proposal"
