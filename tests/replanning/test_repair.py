"""Replan repair (RP3): every kind of damage is found and mended, and a healthy database is never touched."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from replanning import tasks
from replanning.errors import Forbidden
from replanning.models import Action, LinkKind, Project, ProjectSession, Replan, Stage, State
from replanning.services import actions, damage, offer, repair
from replanning.services.accept import accept
from replanning.services.replan import replan
from sessions.models import AuditEntry, RunnerSlot, Session, Status
from sessions.transitions import transition
from tests.replanning.conftest import finish, propose
from tests.replanning.test_faults import state

NOBODY = UUID("00000000-0000-7000-8000-000000000000")


@contextmanager
def without_foreign_keys() -> Iterator[None]:
    """As in a restore with triggers disabled: how rows come to point to what does not exist."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        yield
        cursor.execute("SET LOCAL session_replication_role = origin")


def long_ago(session_id: Any) -> None:
    """The session stands where it stands for an hour already."""
    hour = timezone.now() - timedelta(hours=1)
    Session.objects.filter(pk=session_id, finished_at__isnull=False).update(finished_at=hour)
    Session.objects.filter(pk=session_id, queued_at__isnull=False).update(queued_at=hour)


class Seeds:
    """Ways to damage a live replan. Each returns nothing; its name is the kind of damage that has to be found."""

    def session_without_link(self, asked: Replan) -> None:
        ProjectSession.objects.all().delete()

    def action_without_pointer(self, asked: Replan) -> None:
        Action.objects.update(replan_session=None)

    def pointer_to_nothing(self, asked: Replan) -> None:
        Replan.objects.update(stage=Stage.DIED)
        with without_foreign_keys():
            Action.objects.update(replan_session_id=NOBODY)

    def replan_without_action(self, asked: Replan) -> None:
        with without_foreign_keys():
            Replan.objects.update(action_id=NOBODY)

    def link_without_session(self, asked: Replan) -> None:
        with without_foreign_keys():
            ProjectSession.objects.create(project=asked.action.project, session_id=NOBODY, kind=LinkKind.DISCUSSES)

    def link_without_replan(self, asked: Replan) -> None:
        finish(asked.session_id, Status.KILLED)  # type: ignore[arg-type]
        Replan.objects.all().delete()
        Action.objects.update(replan_session=None)

    def session_without_replan(self, asked: Replan) -> None:
        Replan.objects.all().delete()

    def two_open_replans(self, asked: Replan) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DROP INDEX replan_open")
        second = Session.objects.get(pk=asked.session_id)
        second.pk = UUID("01900000-0000-7000-8000-000000000001")
        second.save(force_insert=True)
        Replan.objects.create(action=asked.action, session=second)
        ProjectSession.objects.create(
            project=asked.action.project, session=second, kind=LinkKind.REPLANNING, action=asked.action
        )

    def dead_session(self, asked: Replan) -> None:
        finish(asked.session_id, Status.FAILED)  # type: ignore[arg-type]
        long_ago(asked.session_id)

    def unnoticed_end(self, asked: Replan) -> None:
        assert asked.session is not None
        propose(asked.session)
        finish(asked.session.pk)
        long_ago(asked.session_id)

    def never_started(self, asked: Replan) -> None:
        Session.objects.filter(pk=asked.session_id).update(status=Status.CREATED, queued_at=None)

    def lost_queue_entry(self, asked: Replan) -> None:
        OrmQ.objects.all().delete()
        long_ago(asked.session_id)


KINDS = [name for name in vars(Seeds) if not name.startswith("_")]


def test_every_kind_of_damage_is_seeded_here() -> None:
    assert set(KINDS) == set(damage.REMEDIES)


@pytest.fixture
def asked(blocked: Action, user: Any) -> Replan:
    return replan(blocked.pk, actor=user).replan


@pytest.fixture(params=KINDS)
def kind(request: Any, asked: Replan) -> Any:
    getattr(Seeds(), request.param)(asked)
    return request.param


def test_seeded_damage_is_found_mended_reported_and_gone(kind: str) -> None:
    assert kind in [finding.kind for finding in repair.preview()]
    report = repair.repair(reason="after the restore")
    assert kind in [one.finding.kind for one in report]
    assert not [one for one in report if one.error]
    assert repair.repair() == [], "a second run finds nothing"
    entries = AuditEntry.objects.filter(action="repair_replan")
    assert entries.count() == len(report)
    assert {entry.reason for entry in entries} == {"after the restore"}
    assert kind in {entry.before["damage"] for entry in entries}


def test_a_preview_changes_nothing(kind: str) -> None:
    before = state()
    repair.preview()
    assert state() == before


def test_after_a_repair_the_action_is_replanned_or_can_be(kind: str, user: Any) -> None:
    """Whatever the damage was: an action is never stuck between the two."""
    repair.repair()
    action = Action.objects.get()
    asked = replan(action.pk, actor=user).replan
    action.refresh_from_db()
    assert asked.is_open
    assert action.replan_session_id == asked.session_id
    assert action.project.links.filter(session=asked.session, kind=LinkKind.REPLANNING, action=action).count() == 1


def test_of_two_open_replans_the_one_the_action_points_to_is_kept(asked: Replan, user: Any) -> None:
    Seeds().two_open_replans(asked)
    repair.repair()
    asked.refresh_from_db()
    other = Replan.objects.exclude(pk=asked.pk).get()
    assert other.session is not None
    assert (asked.stage, other.stage, other.session.status) == (Stage.LIVE, Stage.DIED, Status.KILLED)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "CREATE UNIQUE INDEX replan_open ON replanning_replan (action_id) WHERE stage IN ('live', 'offered')"
        )


def test_a_session_that_only_the_audit_trail_knows_gets_its_place_back(asked: Replan) -> None:
    """The damage of the earlier system: a session was started, link and action were never written."""
    session_id = asked.session_id
    Replan.objects.all().delete()
    ProjectSession.objects.all().delete()
    Action.objects.update(replan_session=None)
    (one,) = repair.repair()
    assert one.finding.kind == "session_without_replan"
    found = Replan.objects.get()
    assert (found.session_id, found.stage) == (session_id, Stage.LIVE)
    assert Action.objects.get().replan_session_id == ProjectSession.objects.get().session_id == session_id
    assert repair.preview() == []


def test_an_adopted_session_that_has_completed_offers_its_plan(asked: Replan) -> None:
    assert asked.session is not None
    propose(asked.session)
    finish(asked.session.pk)
    Replan.objects.all().delete()
    repair.repair()
    assert Replan.objects.get().stage == Stage.OFFERED


def test_a_retried_session_whose_end_nobody_noticed_offers_its_plan(asked: Replan) -> None:
    assert asked.session is not None
    finish(asked.session.pk, Status.FAILED)
    offer.settle(asked.session.pk)
    Replan.objects.update(ended_at=timezone.now() - timedelta(hours=2))
    transition(asked.session.pk, Status.QUEUED, data={"reason": "retried"})
    propose(asked.session)
    finish(asked.session.pk)
    long_ago(asked.session.pk)
    assert [finding.kind for finding in repair.preview()] == ["unnoticed_end"]
    repair.repair()
    assert Replan.objects.get().stage == Stage.OFFERED
    assert repair.preview() == []


def test_all_damage_at_once_is_mended(
    make_action: Callable[..., Action], user: Any, completed: Callable[..., Session]
) -> None:
    for name in KINDS:
        if name in ("two_open_replans", "link_without_session", "pointer_to_nothing", "replan_without_action"):
            continue  # these work on every row
        asked = replan(make_action(name, State.BLOCKED).pk, actor=user).replan
        mine = _Only(asked)
        getattr(mine, name)(asked)
    assert len(repair.preview()) >= 8
    assert not [one for one in repair.repair() if one.error]
    assert repair.preview() == []


class _Only(Seeds):
    """The same damage, done to one replan beside others."""

    def __init__(self, asked: Replan) -> None:
        self.links = ProjectSession.objects.filter(session=asked.session)
        self.actions = Action.objects.filter(pk=asked.action_id)

    def session_without_link(self, asked: Replan) -> None:
        self.links.delete()

    def action_without_pointer(self, asked: Replan) -> None:
        self.actions.update(replan_session=None)

    def link_without_replan(self, asked: Replan) -> None:
        finish(asked.session_id, Status.KILLED)  # type: ignore[arg-type]
        asked.delete()
        self.actions.update(replan_session=None)

    def session_without_replan(self, asked: Replan) -> None:
        asked.delete()


@pytest.fixture
def healthy(make_action: Callable[..., Action], user: Any, completed: Callable[..., Session]) -> None:
    """Replans in every stage, and ends whose consequence is still in the queue."""
    accept(completed().pk, actor=user)
    for end in (
        "live",
        "running",
        "just failed",
        "just completed",
        "offered",
        "accepted",
        "declined",
        "died",
        "retried",
    ):
        asked = replan(make_action(end, State.BLOCKED).pk, actor=user).replan
        assert asked.session is not None
        if end in ("live",):
            continue
        if end == "running":
            transition(asked.session.pk, Status.RUNNING, data={"worker": "w", "fence": 1})
            continue
        propose(asked.session)
        finish(asked.session.pk, Status.FAILED if end in ("just failed", "died", "retried") else Status.COMPLETED)
        if end.startswith("just"):
            continue
        offer.settle(asked.session.pk)
        if end == "accepted":
            offer.accept_plan(asked.pk, actor=user)
        elif end == "declined":
            offer.decline(asked.pk, actor=user)
        elif end == "retried":
            transition(asked.session.pk, Status.QUEUED, data={"reason": "retried"})
    replan(make_action("failed", State.FAILED).pk, actor=user)
    actions.move(make_action("again", State.BLOCKED).pk, State.TODO, actor=user)


def test_a_healthy_database_is_never_touched(healthy: None) -> None:
    before = state()
    assert repair.preview() == []
    assert repair.repair() == []
    assert state() == before


def test_a_session_in_line_is_no_damage_while_a_runner_is_awake(asked: Replan) -> None:
    Seeds().lost_queue_entry(asked)
    RunnerSlot.objects.create(host="h", number=1, owner="w", lease_until=timezone.now() + timedelta(seconds=30))
    assert repair.preview() == []


def test_a_repair_that_fails_is_reported_and_holds_up_no_other(
    make_action: Callable[..., Action], user: Any, completed: Callable[..., Session]
) -> None:
    stubborn = replan(make_action("Stubborn", State.BLOCKED).pk, actor=user).replan
    other = replan(make_action("Other", State.BLOCKED).pk, actor=user).replan
    Action.objects.update(replan_session=None)
    rule = "CHECK (title <> 'Stubborn' OR replan_session_id IS NULL)"
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE replanning_action ADD CONSTRAINT stubborn {rule}")
    report = repair.repair()
    assert [(one.finding.replan_id, bool(one.error)) for one in report] == [(stubborn.pk, True), (other.pk, False)]
    assert "stubborn" in report[0].error
    with pytest.raises(CommandError):
        call_command("repair_replans", stdout=StringIO())


def test_only_staff_with_the_permission_repair(asked: Replan, user: Any, staff: Any) -> None:
    with pytest.raises(Forbidden):
        repair.repair(actor=user)
    Seeds().action_without_pointer(asked)
    assert len(repair.repair(actor=staff)) == 1
    assert AuditEntry.objects.get(action="repair_replan").actor == "grace"


def test_the_command_previews_repairs_and_says_what_it_did(asked: Replan) -> None:
    Seeds().session_without_link(asked)
    dry, wet, again = StringIO(), StringIO(), StringIO()
    call_command("repair_replans", "--dry-run", stdout=dry)
    assert not ProjectSession.objects.exists()
    assert "session_without_link" in dry.getvalue()
    assert "1 found, nothing was changed" in dry.getvalue()
    call_command("repair_replans", stdout=wet)
    assert ProjectSession.objects.count() == 1
    assert "1 mended, 0 failed" in wet.getvalue()
    call_command("repair_replans", stdout=again)
    assert "0 mended" in again.getvalue()


def test_the_queue_repairs_every_night(asked: Replan) -> None:
    from importlib import import_module

    from django.apps import apps

    import_module("replanning.migrations.0002_nightly_repair").schedule(apps, None)
    schedule = Schedule.objects.get(name="replanning: repair")
    assert (schedule.func, schedule.schedule_type) == ("replanning.tasks.repair", Schedule.DAILY)
    Seeds().session_without_link(asked)
    assert tasks.repair() == "1 mended, 0 failed"


def test_a_project_without_any_replan_is_left_alone(project: Project) -> None:
    assert repair.preview() == []
