"""After the board: the decision taken, its outcome, and the track record, on pages and in services."""

from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from sessions import export
from sessions.models import AuditEntry, Event, Memo, Resolution, Session
from sessions.services.access import NotAllowed
from sessions.services.resolution import CannotRecord, decide, judge
from tests import factories

TAKEN = {"what": "decision", "decision": "We take the trial.", "followed": "yes", "decided_on": "2026-03-02"}
JUDGED = {
    "what": "outcome",
    "hindsight": "partly",
    "outcome": "The baker stayed, the margin fell.",
    "judged_on": "2026-09-01",
}


@pytest.fixture
def session(user: Any) -> Session:
    return factories.finished(user)


def text_of(answer: Any) -> str:
    return unescape(answer.content.decode())


def judged(owner: Any, confidence: float, hindsight: str, *, offline: bool = False) -> Resolution:
    session = factories.finished(owner)
    Memo.objects.filter(session=session).update(confidence=confidence, offline=offline)
    decide(session, owner, "Done.", "yes", date(2026, 1, 5))
    return judge(session, owner, hindsight)


# -- services -----------------------------------------------------------------------------------------------------


def test_decision_and_outcome_each_leave_an_event_and_an_audit_entry(session: Session, user: Any) -> None:
    decide(session, user, " We take the trial. ", "yes", date(2026, 3, 2))
    judge(session, user, "right", "It went well.", date(2026, 9, 1))
    events = list(Event.objects.filter(session=session).order_by("-sequence")[:2])
    assert [event.type for event in events] == ["outcome_recorded", "decision_recorded"]
    assert events[1].data == {"decision": "We take the trial.", "followed": "yes", "decided_on": "2026-03-02"}
    assert events[0].data == {"hindsight": "right", "outcome": "It went well.", "judged_on": "2026-09-01"}
    verbs = AuditEntry.objects.filter(object_id=str(session.pk)).values_list("actor", "action")
    assert list(verbs) == [("ada", "record_outcome"), ("ada", "record_decision")]


def test_the_same_said_again_records_nothing_and_a_correction_keeps_what_was_said(session: Session, user: Any) -> None:
    for _ in range(2):
        decide(session, user, "We take the trial.", "yes", date(2026, 3, 2))
    assert Event.objects.filter(session=session, type="decision_recorded").count() == 1
    decide(session, user, "We decline.", "no")
    assert Resolution.objects.get().decided_on == date(2026, 3, 2), "a day that is not given stays"
    entry = AuditEntry.objects.filter(action="record_decision").first()
    assert entry is not None
    assert (entry.before["decision"], entry.after["decision"]) == ("We take the trial.", "We decline.")


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"decision": "  "}, "required", "decision"),
        ({"decision": "x" * 2001}, "too_long", "decision"),
        ({"decision": "a\x1bb"}, "control_characters", "decision"),
        ({"followed": "perhaps"}, "invalid_choice", "followed"),
        ({"decided_on": date(1970, 1, 1)}, "out_of_range", "decided_on"),
        ({"decided_on": date(2100, 1, 1)}, "out_of_range", "decided_on"),
    ],
)
def test_what_is_out_of_bounds_is_named_and_nothing_recorded(
    session: Session, user: Any, given: dict[str, Any], code: str, field: str
) -> None:
    with pytest.raises(CannotRecord) as error:
        decide(session, user, **{"decision": "Yes.", "followed": "yes", **given})
    assert (error.value.code, error.value.field) == (code, field)
    assert not Resolution.objects.exists()


def test_the_outcome_comes_after_the_decision(session: Session, user: Any) -> None:
    with pytest.raises(CannotRecord, match="first") as error:
        judge(session, user, "right")
    assert error.value.code == "no_decision_yet"
    decide(session, user, "Yes.", "yes", date(2026, 3, 2))
    with pytest.raises(CannotRecord, match="before it was decided"):
        judge(session, user, "right", judged_on=date(2026, 3, 1))


@pytest.mark.parametrize("kind", ["running", "failed", "killed", "draft"])
def test_nothing_is_decided_before_the_board_has_advised(user: Any, kind: str) -> None:
    with pytest.raises(CannotRecord) as error:
        decide(getattr(factories, kind)(user), user, "Yes.", "yes")
    assert error.value.code == "no_memo_yet"


def test_only_the_owner_and_staff_with_the_permission_record(
    session: Session, staff: Any, django_user_model: Any
) -> None:
    with pytest.raises(NotAllowed):
        decide(session, django_user_model.objects.create_user("eve"), "Yes.", "yes")
    assert decide(session, staff, "Told on the phone.", "yes").decision == "Told on the phone."


# -- pages --------------------------------------------------------------------------------------------------------


def test_decision_and_outcome_are_recorded_on_the_page_and_stand_in_memo_room_and_export(
    browser: Client, session: Session
) -> None:
    place = reverse("board:decision", args=[session.pk])
    memo = reverse("board:report", args=[session.pk])
    assert "Record what you decided" in text_of(browser.get(memo))
    assert place in text_of(browser.get(reverse("board:session", args=[session.pk])))
    assert "Record the outcome" not in text_of(browser.get(place))
    assert "Your decision is recorded." in text_of(browser.post(place, TAKEN, follow=True))
    assert "The outcome is recorded." in text_of(browser.post(place, JUDGED, follow=True))
    page = text_of(browser.get(memo))
    assert "Decided on 2 Mar 2026, as the board recommended:" in page
    assert "In hindsight the recommendation was: partly right" in page
    assert "The baker stayed, the margin fell." in page
    assert "The baker stayed, the margin fell." in export.markdown(session)
    assert export.as_json(session)["resolution"] == {
        "decision": "We take the trial.",
        "followed": "yes",
        "decided_on": "2026-03-02",
        "hindsight": "partly",
        "outcome": "The baker stayed, the margin fell.",
        "judged_on": "2026-09-01",
    }


def test_a_refused_form_keeps_what_was_typed_and_says_what_to_do(browser: Client, session: Session) -> None:
    place = reverse("board:decision", args=[session.pk])
    answer = browser.post(place, {**TAKEN, "decided_on": "2099-01-01"})
    assert answer.status_code == 422
    assert "Give a day from" in text_of(answer)
    assert "We take the trial." in text_of(answer)
    assert "<title>Error: " in text_of(answer)
    assert not Resolution.objects.exists()


def test_a_post_without_a_button_records_nothing(browser: Client, session: Session) -> None:
    assert browser.post(reverse("board:decision", args=[session.pk]), {"decision": "x"}).status_code == 200
    assert not Resolution.objects.exists()


def test_a_stranger_finds_nothing_and_staff_who_may_only_look_see_no_form(
    client: Client, session: Session, django_user_model: Any
) -> None:
    from django.contrib.auth.models import Permission

    place = reverse("board:decision", args=[session.pk])
    assert client.get(place).status_code == 302
    client.force_login(django_user_model.objects.create_user("eve"))
    assert client.get(place).status_code == 404
    assert client.post(place, TAKEN).status_code == 404
    looker = django_user_model.objects.create_user("lu", is_staff=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_session", content_type__app_label="board"))
    client.force_login(looker)
    assert "Record the decision" not in text_of(client.get(place))
    assert client.post(place, TAKEN).status_code == 403
    assert not Resolution.objects.exists()


def test_texts_of_people_are_never_markup(browser: Client, session: Session, user: Any) -> None:
    decide(session, user, "<script>alert(1)</script>", "yes")
    for name in ("report", "decision"):
        assert "<script>alert(1)" not in browser.get(reverse(f"board:{name}", args=[session.pk])).content.decode()


# -- the track record ---------------------------------------------------------------------------------------------


def test_an_empty_track_record_says_what_to_do(browser: Client, session: Session) -> None:
    page = text_of(browser.get("/calibration/"))
    assert "Nothing to compare yet" in page
    assert "What did you decide?" in page
    assert reverse("board:decision", args=[session.pk]) in page
    assert '<svg class="plot' not in page


def test_two_judged_decisions_get_no_score_and_five_get_one_with_a_warning(browser: Client, user: Any) -> None:
    for _ in range(2):
        judged(user, 0.8, "right")
    page = text_of(browser.get("/calibration/"))
    assert "2 judged decisions: too few for a score." in page
    assert "Brier score</dt>" not in page
    for hindsight in ("wrong", "right", "partly"):
        judged(user, 0.6, hindsight)
    page = text_of(browser.get("/calibration/"))
    assert "5 judged decisions: these figures say little yet." in page
    # (0.04 + 0.04 + 0.36 + 0.16 + 0.01) / 5
    assert '<strong class="number">0.122</strong>' in page
    assert 'role="img"' in page
    assert "60% sure on average and 50% right, of 3; 80% sure on average and 100% right, of 2." in page
    assert '<th scope="row">60%–80%</th><td>3</td><td>60%</td><td>50%</td>' in page


def test_what_cannot_be_told_and_the_offline_demo_are_left_out_and_said(browser: Client, user: Any) -> None:
    judged(user, 0.8, "unclear")
    judged(user, 0.8, "right", offline=True)
    page = text_of(browser.get("/calibration/"))
    assert "Nothing to compare yet" in page
    assert "2 judged decisions left out" in page


def test_the_track_record_is_ones_own_and_takes_as_few_queries_for_many_decisions_as_for_few(
    browser: Client, user: Any, django_user_model: Any
) -> None:
    judged(django_user_model.objects.create_user("eve"), 0.9, "wrong")
    assert "Nothing to compare yet" in text_of(browser.get("/calibration/"))

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert browser.get("/calibration/").status_code == 200
        return len(seen)

    judged(user, 0.8, "right")
    few = queries()
    for _ in range(4):
        judged(user, 0.7, "wrong")
    assert queries() == few


def test_a_decision_made_tomorrow_by_another_clock_is_let_pass(session: Session, user: Any) -> None:
    tomorrow = timezone.localdate() + timedelta(days=1)
    assert decide(session, user, "Yes.", "yes", tomorrow).decided_on == tomorrow


def test_staff_read_what_was_decided_and_change_nothing_by_hand(client: Client, staff: Any, session: Session) -> None:
    found = decide(session, staff, "Yes.", "partly")
    client.force_login(staff)
    assert client.get("/admin/board/resolution/?followed__exact=partly").status_code == 200
    assert "Yes." in text_of(client.get(f"/admin/board/resolution/{found.pk}/change/"))
    assert client.get("/admin/board/resolution/add/").status_code == 403
    assert client.post(f"/admin/board/resolution/{found.pk}/delete/", {"post": "yes"}).status_code == 403


def test_making_it_again_from_the_events_gives_the_same(session: Session, user: Any) -> None:
    """The trail is whole: what is recorded follows from the newest event of each kind."""
    decide(session, user, "One.", "no", date(2026, 1, 5))
    decide(session, user, "Two.", "yes", date(2026, 1, 6))
    judge(session, user, "wrong", "Bad.", date(2026, 2, 1))
    told: dict[str, Any] = {}
    for event in Event.objects.filter(session=session, type__in=["decision_recorded", "outcome_recorded"]).order_by(
        "sequence"
    ):
        told |= event.data
    row = Resolution.objects.get()
    assert told == {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in ((name, getattr(row, name)) for name in told)
    }
