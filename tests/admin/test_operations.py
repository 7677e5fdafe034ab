"""Whatever staff can do asks first, checks the permission, leaves an audit entry and says what came out."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse
from django_q.models import OrmQ

from sessions.admin import operation
from sessions.models import AuditEntry, Checkpoint, Session

LIST = "admin:board_session_changelist"


def page(session: Any, slug: str) -> str:
    return reverse("admin:board_session_operation", args=[session.pk, slug])


def said(answer: Any) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


def status(session: Any) -> str:
    return Session.objects.get(pk=session.pk).status


def test_the_confirmation_states_object_state_and_consequence_and_changes_nothing(site: Any, make_session: Any) -> None:
    session = make_session(cost_cap=Decimal("2.5"))
    answer = site.get(page(session, "start-now"))
    text = answer.content.decode()
    assert answer.status_code == 200
    assert session.title in text
    assert "Draft" in text
    assert "up to its cap: $2.5" in text
    assert (status(session), OrmQ.objects.count(), AuditEntry.objects.count()) == ("created", 0, 0)


def test_a_confirmed_start_starts_and_keeps_who_and_why(site: Any, staff: Any, make_session: Any) -> None:
    session = make_session()
    answer = site.post(page(session, "start-now"), {"reason": "The owner asked by phone"})
    assert answer.status_code == 302
    assert status(session) == "queued"
    entry = AuditEntry.objects.get(action="start", object_id=str(session.pk))
    assert (entry.actor_id, entry.actor, entry.reason) == (staff.pk, "grace", "The owner asked by phone")
    assert said(answer) == [f"“{session.title}” was put in line."]


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
def test_without_a_reason_nothing_happens(site: Any, make_session: Any, reason: str) -> None:
    session = make_session()
    answer = site.post(page(session, "start-now"), {"reason": reason})
    assert answer.status_code == 400
    assert status(session) == "created"


def test_an_illegal_state_is_told_and_changes_nothing(site: Any, make_session: Any) -> None:
    session = make_session()
    site.post(page(session, "start-now"), {"reason": "first"})
    answer = site.post(page(session, "start-now"), {"reason": "second"})
    assert answer.status_code == 302
    assert "Nothing was changed." in said(answer)[-1]
    assert "in line" in said(answer)[-1]
    assert AuditEntry.objects.filter(action="start").count() == 1


@pytest.mark.parametrize("method", ["get", "post"])
def test_whoever_may_only_look_can_neither_ask_nor_do(method: str, member: Any, make_session: Any) -> None:
    session = make_session()
    client = member("view_session")
    assert getattr(client, method)(page(session, "start-now"), {"reason": "x"}).status_code == 403
    assert status(session) == "created"
    opened = client.get(reverse("admin:board_session_change", args=[session.pk])).content.decode()
    assert "start-now" not in opened


def test_each_operation_has_a_permission_of_its_own(member: Any, make_session: Any) -> None:
    session = make_session(cost_cap=Decimal(1))
    client = member("view_session", "control_session")
    assert client.get(page(session, "start-now")).status_code == 200
    assert client.get(page(session, "raise-cap")).status_code == 403


def test_a_post_without_the_csrf_token_is_refused(staff: Any, make_session: Any) -> None:
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(staff)
    session = make_session()
    assert client.post(page(session, "start-now"), {"reason": "x"}).status_code == 403
    assert status(session) == "created"


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_other_methods_are_refused(method: str, site: Any, make_session: Any) -> None:
    assert getattr(site, method)(page(make_session(), "start-now")).status_code == 405


def test_an_unknown_operation_or_row_is_not_found(site: Any, make_session: Any) -> None:
    session = make_session()
    assert site.get(page(session, "explode")).status_code == 404
    session.pk = "01890000-0000-7000-8000-000000000000"
    assert site.get(page(session, "start-now")).status_code == 404
    session.pk = "nonsense"
    assert site.get(page(session, "start-now")).status_code == 404


def test_a_bulk_action_asks_first_and_then_tells_the_truth_per_row(site: Any, make_session: Any) -> None:
    drafts, started = [make_session() for _ in range(3)], make_session()
    site.post(page(started, "start-now"), {"reason": "before"})
    chosen = {"action": "start_now", "_selected_action": [str(row.pk) for row in (*drafts, started)]}
    asked = site.post(reverse(LIST), chosen)
    assert asked.status_code == 200
    assert "This is what will happen to these 4" in asked.content.decode()
    assert [status(row) for row in drafts] == ["created"] * 3
    done = site.post(reverse(LIST), {**chosen, "confirmed": "yes", "reason": "All of them"})
    assert said(done)[-1].startswith("3 put in line, 1 skipped: The session is in line")
    assert [status(row) for row in drafts] == ["queued"] * 3
    assert AuditEntry.objects.filter(action="start", reason="All of them").count() == 3


def test_a_bulk_action_without_a_reason_asks_again(site: Any, make_session: Any) -> None:
    session = make_session()
    chosen = {"action": "start_now", "_selected_action": [str(session.pk)], "confirmed": "yes", "reason": ""}
    assert site.post(reverse(LIST), chosen).status_code == 400
    assert status(session) == "created"


def test_a_bulk_action_is_offered_only_with_its_permission(member: Any, make_session: Any) -> None:
    session = make_session()
    client = member("view_session", "raise_cap_session")
    text = client.get(reverse(LIST)).content.decode()
    assert 'value="raise_cap"' in text
    assert 'value="start_now"' not in text
    client.post(
        reverse(LIST), {"action": "start_now", "_selected_action": [str(session.pk)], "confirmed": "y", "reason": "x"}
    )
    assert status(session) == "created"


def test_a_bulk_action_has_a_limit(site: Any, make_session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operation, "MOST", 2)
    for _ in range(3):
        make_session()
    answer = site.post(reverse(LIST), {"action": "start_now", "_selected_action": ["x"], "select_across": "1"})
    assert "at most 2 rows" in said(answer)[-1]


def test_raising_the_cap_keeps_before_and_after(site: Any, make_session: Any) -> None:
    """LM7: a session stopped at its cap can go on after the cap was raised."""
    session = make_session(cost_cap=Decimal("2.5"))
    answer = site.post(page(session, "raise-cap"), {"new_cap": "4", "reason": "worth it"})
    assert said(answer) == [f"“{session.title}” was given a higher cap."]
    entry = AuditEntry.objects.get(action="raise_cap")
    assert (entry.before, entry.after) == ({"cost_cap": "2.5000"}, {"cost_cap": "4"})
    assert Session.objects.get(pk=session.pk).cost_cap == Decimal(4)


@pytest.mark.parametrize("cap", ["2.5", "1"])
def test_a_cap_only_ever_rises(site: Any, make_session: Any, cap: str) -> None:
    session = make_session(cost_cap=Decimal("2.5"))
    answer = site.post(page(session, "raise-cap"), {"new_cap": cap, "reason": "x"})
    assert said(answer) == ["Nothing was changed. Its cap is $2.5 already; choose a higher one."]
    assert AuditEntry.objects.count() == 0


def test_without_a_cap_there_is_nothing_to_raise(site: Any, make_session: Any) -> None:
    answer = site.post(page(make_session(), "raise-cap"), {"new_cap": "3", "reason": "x"})
    assert "no cost cap" in said(answer)[0]


def test_a_session_in_line_is_paused_and_resumed(site: Any, make_session: Any) -> None:
    """SE7"""
    session = make_session()
    site.post(page(session, "start-now"), {"reason": "go"})
    site.post(page(session, "pause"), {"reason": "An incident"})
    assert status(session) == "paused"
    site.post(page(session, "resume"), {"reason": "It is over"})
    assert status(session) == "queued"
    assert list(AuditEntry.objects.order_by("id").values_list("action", flat=True)) == ["start", "pause", "resume"]


def test_a_failed_session_is_retried(site: Any, make_session: Any) -> None:
    """SE3"""
    session = make_session()
    failure = {"code": "overloaded", "message": "Busy.", "recoverable": True, "node": "debate", "attempt": 1}
    Session.objects.filter(pk=session.pk).update(status="failed", failure=failure)
    opened = site.get(reverse("admin:board_session_change", args=[session.pk])).content.decode()
    assert page(session, "retry") in opened
    assert "What was paid is not paid again" in site.get(page(session, "retry")).content.decode()
    answer = site.post(page(session, "retry"), {"reason": "The provider is back"})
    assert said(answer) == [f"“{session.title}” was retried."]
    assert status(session) == "queued"
    assert AuditEntry.objects.get(action="retry").reason == "The provider is back"


def test_retrying_what_cannot_be_retried_is_told_per_row(site: Any, make_session: Any) -> None:
    """SE4: a failure says truthfully whether a retry can help."""
    good, hopeless, draft = make_session(), make_session(), make_session()
    for session, recoverable in ((good, True), (hopeless, False)):
        failure = {"code": "c", "message": "Refused.", "recoverable": recoverable, "node": "debate", "attempt": 1}
        Session.objects.filter(pk=session.pk).update(status="failed", failure=failure)
    ids = [str(row.pk) for row in (good, hopeless, draft)]
    answer = site.post(
        reverse(LIST), {"action": "retry", "_selected_action": ids, "confirmed": "yes", "reason": "try again"}
    )
    report = said(answer)[-1]
    assert report.startswith("1 retried, 2 skipped: ")
    assert "Refused." in report
    assert "is draft" in report
    assert [status(row) for row in (good, hopeless, draft)] == ["queued", "failed", "created"]


def test_killing_states_that_it_is_for_good(site: Any, make_session: Any) -> None:
    session = make_session()
    assert "for good" in site.get(page(session, "kill")).content.decode()
    assert status(session) == "created"
    site.post(page(session, "kill"), {"reason": "A mistake"})
    assert status(session) == "killed"


def test_a_retry_from_an_earlier_step_takes_the_step_from_the_link(site: Any, make_session: Any) -> None:
    """SE3: also from an older checkpoint, for one session at a time."""
    session = make_session()
    Session.objects.filter(pk=session.pk).update(status="failed", failure={"recoverable": True})
    Checkpoint.objects.create(thread_id=str(session.pk), checkpoint_id="1f0-abc", source="loop", step=3, body={})
    opened = site.get(reverse("admin:board_session_change", args=[session.pk])).content.decode()
    link = f"{page(session, 'retry-from-here')}?checkpoint=1f0-abc"
    assert link in opened
    assert 'value="1f0-abc"' in site.get(link).content.decode()
    answer = site.post(page(session, "retry-from-here"), {"checkpoint": "nonsense", "reason": "x"})
    assert "no such step" in said(answer)[0]
    assert 'value="retry_from_here"' not in site.get(reverse(LIST)).content.decode()


def test_every_live_step_leads_to_its_retry_from_the_list_of_checkpoints(
    site: Any, member: Any, make_session: Any
) -> None:
    """SE3: a session's own page shows its newest steps only."""
    session = make_session()
    for step, superseded in enumerate((False, True)):
        Checkpoint.objects.create(
            thread_id=str(session.pk),
            checkpoint_id=f"1f0-{step}",
            source="loop",
            step=step,
            body={},
            superseded=superseded,
        )
    steps = reverse("admin:board_checkpoint_changelist") + f"?q={session.pk}"
    link = f"{page(session, 'retry-from-here')}?checkpoint=1f0-"
    shown = site.get(steps).content.decode()
    assert (f"{link}0" in shown, f"{link}1" in shown) == (True, False)
    assert link not in member("view_session", "view_checkpoint").get(steps).content.decode()
