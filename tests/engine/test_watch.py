"""SE5, SE6: what nobody looks after is looked after; what is old is dropped, and nothing that is needed."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models.functions import Now
from django_q.models import OrmQ, Schedule

from llm.models import LLMCall
from sessions.models import Checkpoint, Event, Session
from sessions.runner import identity, lease
from sessions.services import retention, watch
from sessions.services.recovery import resume_session_from_checkpoint
from tests.engine.lab import Lab, expire_lease, status, story

Queued = Callable[[], Session]


def running(session: Session) -> None:
    lease.claim(identity.owner(), 1, only=session.pk)


def failure(session: Session) -> dict[str, Any]:
    session.refresh_from_db()
    assert session.status == "failed"
    assert session.failure
    assert session.events.latest("sequence").data["code"] == session.failure["code"]
    return session.failure


def test_a_session_past_its_deadline_fails_and_gets_a_new_one_with_the_retry(lab: Lab, queued: Queued) -> None:
    session = queued()
    running(session)
    session.refresh_from_db()
    assert session.deadline is not None, "every stretch of running has one"
    Session.objects.filter(pk=session.pk).update(deadline=Now() - timedelta(seconds=1))
    assert watch.sweep()["over_deadline"] == 1
    assert failure(session)["code"] == "session_deadline"
    resume_session_from_checkpoint(session.pk, actor=session.owner)
    lab.run_to_rest()
    assert status(session) == "completed"


def test_a_session_that_has_spent_more_than_its_cap_fails(queued: Queued) -> None:
    session = queued()
    Session.objects.filter(pk=session.pk).update(cost_cap=Decimal("0.01"))
    running(session)
    LLMCall.objects.create(session_id=session.pk, provider="a", model="m", tier="core", cost=Decimal("0.02"))
    assert watch.sweep()["over_cost"] == 1
    assert failure(session)["recoverable"] is True


def test_a_stuck_session_is_taken_from_a_runner_that_still_renews_its_lease(lab: Lab, queued: Queued) -> None:
    session = queued()
    running(session)
    Session.objects.filter(pk=session.pk).update(progressed_at=Now() - timedelta(hours=1))
    session.refresh_from_db()
    fence = session.fence
    assert watch.sweep()["stuck"] == 1
    session.refresh_from_db()
    assert (session.status, session.fence) == ("queued", fence + 1)
    assert session.events.latest("sequence").data["reason"] == "stuck"
    lab.run_to_rest()
    assert status(session) == "completed"
    story(session)


def test_an_orphan_wakes_a_runner(queued: Queued) -> None:
    session = queued()
    running(session)
    expire_lease(session)
    OrmQ.objects.all().delete()  # somebody emptied the queue
    assert watch.sweep()["orphaned"] == 1
    assert OrmQ.objects.count() == 1


def test_a_healthy_session_is_left_alone(queued: Queued) -> None:
    session = queued()
    running(session)
    told = story(session)
    assert watch.sweep() == {"orphaned": 0, "stuck": 0, "over_deadline": 0, "over_cost": 0, "evicted": 0}
    assert story(session) == told


def test_the_schedules_are_there_once(transactional_db: None) -> None:
    watch.ensure_schedules()
    watch.ensure_schedules()
    assert sorted(Schedule.objects.values_list("func", flat=True)) == ["sessions.tasks.retain", "sessions.tasks.watch"]


def test_workers_that_start_at_the_same_moment_make_each_schedule_once(transactional_db: None) -> None:
    """Without a lock both see none and both make one, and from then on no worker starts any more."""
    together = threading.Barrier(6)

    def start() -> None:
        together.wait(10)
        try:
            watch.ensure_schedules()
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as workers:
        for started in [workers.submit(start) for _ in range(6)]:
            started.result(30)
    assert Schedule.objects.count() == len(watch.SCHEDULES)


def test_a_schedule_that_stands_there_twice_keeps_no_worker_from_starting(transactional_db: None) -> None:
    for _ in range(2):
        Schedule.objects.create(name=watch.SCHEDULES[0][0], func="sessions.tasks.watch")
    watch.ensure_schedules()
    assert Schedule.objects.filter(name=watch.SCHEDULES[0][0]).count() == 1


def test_old_steps_of_a_finished_session_go_and_the_newest_stays(lab: Lab, queued: Queued) -> None:
    old, fresh = queued(), queued()
    lab.run_to_rest()
    Session.objects.filter(pk=old.pk).update(finished_at=Now() - retention.CHECKPOINTS - timedelta(hours=1))
    before = Checkpoint.objects.filter(thread_id=str(fresh.pk)).count()
    assert retention.retain()["checkpoints"] == 1
    assert Checkpoint.objects.filter(thread_id=str(old.pk)).count() == 1
    assert Checkpoint.objects.filter(thread_id=str(fresh.pk)).count() == before


def test_the_middle_of_a_very_old_story_goes(lab: Lab, queued: Queued) -> None:
    session = queued()
    lab.run_to_rest()
    Session.objects.filter(pk=session.pk).update(finished_at=Now() - retention.EVENTS - timedelta(hours=1))
    retention.retain()
    left = Event.objects.filter(session=session).order_by("sequence").values_list("type", flat=True)
    assert list(left) == ["session_created", "session_completed"]
