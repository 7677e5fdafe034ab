"""SE3, SE7: the buttons of the room. What they do is the services' to prove; here, that they reach them."""

from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from sessions.models import AuditEntry, Event, Session
from tests import factories


def press(browser: Client, session: Session, verb: str, **fields: Any) -> Any:
    return browser.post(reverse(f"board:{verb}", args=[session.pk]), fields, follow=True)


def text_of(answer: Any) -> str:
    return unescape(answer.content.decode())


@pytest.mark.parametrize("verb", ["start", "pause", "resume", "stop", "retry", "answer", "interject"])
def test_no_button_acts_on_get_or_for_strangers(client: Client, user: Any, django_user_model: Any, verb: str) -> None:
    session = factories.running(user)
    place = reverse(f"board:{verb}", args=[session.pk])
    assert client.post(place).url.startswith("/login/")  # type: ignore[attr-defined]
    client.force_login(user)
    assert client.get(place).status_code == 405
    client.force_login(django_user_model.objects.create_user("eve"))
    assert client.post(place).status_code == 404
    session.refresh_from_db()
    assert session.status == "running"
    assert not AuditEntry.objects.exists()


def test_staff_who_may_only_look_see_no_buttons_and_are_refused(
    client: Client, user: Any, django_user_model: Any
) -> None:
    from django.contrib.auth.models import Permission

    session = factories.running(user)
    looker = django_user_model.objects.create_user("lu", is_staff=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_session", content_type__app_label="board"))
    client.force_login(looker)
    page = client.get(reverse("board:session", args=[session.pk])).content.decode()
    assert "Stop for good" not in page
    answer = client.post(reverse("board:stop", args=[session.pk]))
    assert answer.status_code == 403
    assert "That is not yours to do" in answer.content.decode()


def test_a_failed_session_has_one_main_button_that_continues_it(browser: Client, user: Any) -> None:
    session = factories.failed(user)
    page = browser.get(reverse("board:session", args=[session.pk])).content.decode()
    assert "Continue from round 2" in page
    answer = press(browser, session, "retry")
    session.refresh_from_db()
    assert session.status == "queued"
    assert "What was paid is not paid again." in text_of(answer)
    assert press(browser, session, "retry").status_code == 200
    assert Event.objects.filter(session=session, data__reason="retried").count() == 1


def test_a_failure_that_cannot_be_retried_says_why(browser: Client, user: Any) -> None:
    session = factories.failed(user, recoverable=False)
    assert "Trying the same step again cannot help" in text_of(press(browser, session, "retry"))


def test_the_owner_goes_back_to_a_round_of_the_live_branch_and_to_no_other_step(browser: Client, user: Any) -> None:
    """SE3"""
    session = factories.failed(user)
    assert (
        "Go back to an earlier round" not in browser.get(reverse("board:session", args=[session.pk])).content.decode()
    )
    step = factories.step_after_round(session, 1)
    page = browser.get(reverse("board:session", args=[session.pk])).content.decode()
    assert f'<input type="radio" name="checkpoint" value="{step.checkpoint_id}"' in page
    assert page.count('name="checkpoint"') == 1
    step.superseded = True
    step.save()
    assert (
        "Go back to an earlier round" not in browser.get(reverse("board:session", args=[session.pk])).content.decode()
    )
    assert "no such step on its live branch" in text_of(press(browser, session, "retry", checkpoint=step.checkpoint_id))
    session.refresh_from_db()
    assert session.status == "failed"


def test_a_pause_of_a_running_session_is_announced_and_can_be_taken_back(browser: Client, user: Any) -> None:
    session = factories.running(user)
    assert "will pause as soon as its step is done" in text_of(press(browser, session, "pause"))
    assert "Pause after this step" in text_of(press(browser, session, "resume"))


def test_a_paused_session_goes_back_into_line(browser: Client, user: Any) -> None:
    session = factories.paused(user)
    press(browser, session, "resume")
    session.refresh_from_db()
    assert session.status == "queued"


def test_a_stop_keeps_its_reason(browser: Client, user: Any) -> None:
    session = factories.running(user)
    page = text_of(press(browser, session, "stop", reason="They <b>withdrew</b> it"))
    assert "This deliberation was stopped" in page
    assert AuditEntry.objects.get().reason == "They <b>withdrew</b> it"
    assert "&lt;b&gt;withdrew" in press(browser, session, "stop").content.decode()


def test_a_remark_is_said_once_although_its_form_is_sent_twice(browser: Client, user: Any) -> None:
    session = factories.running(user)
    for _ in range(2):
        page = text_of(press(browser, session, "interject", text="The mill gives us 30 days now.", key="k1"))
    assert "ada remarked:" in page
    assert Event.objects.filter(session=session, type="interjection").count() == 1


@pytest.mark.parametrize(("text", "code"), [("   ", "empty"), ("w" * 4001, "too_long")])
def test_a_remark_that_cannot_be_taken_stays_in_its_field(browser: Client, user: Any, text: str, code: str) -> None:
    session = factories.running(user)
    answer = press(browser, session, "interject", text=text)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert f'data-code="{code}"' in page
    assert text in page
    assert "http-equiv" not in page


def test_answers_go_to_the_board(browser: Client, user: Any) -> None:
    session = factories.waiting(user)
    page = text_of(press(browser, session, "answer", answer=["1,950 a month, then 2,340"], question="i1"))
    session.refresh_from_db()
    assert session.status == "queued"
    assert "Thank you." in page


def test_answers_that_do_not_fit_the_questions_are_kept_and_told(browser: Client, user: Any) -> None:
    session = factories.waiting(user)
    answer = press(browser, session, "answer", answer=["One", "Two"], question="i1")
    assert answer.status_code == 422
    assert "One" in text_of(answer)
    assert "answers_do_not_match" in text_of(answer)


def test_a_button_that_comes_too_late_says_so(browser: Client, user: Any) -> None:
    session = factories.finished(user)
    page = text_of(press(browser, session, "pause"))
    assert "cannot become" in page
    assert "Stop for good" not in page


def over_its_cap(user: Any) -> Session:
    session = factories.failed(user)
    failure = {"code": "budget_exhausted", "message": "The cap is reached.", "recoverable": True, "node": "persona"}
    Session.objects.filter(pk=session.pk).update(failure=failure, cost_cap="2.5000")
    session.refresh_from_db()
    return session


def test_the_owner_of_a_session_over_its_cap_raises_it_and_goes_on_at_once(browser: Client, user: Any) -> None:
    """LM7"""
    session = over_its_cap(user)
    assert "New cost cap" in browser.get(reverse("board:session", args=[session.pk])).content.decode()
    answer = press(browser, session, "raise-cap", cap="7.50")
    session.refresh_from_db()
    assert (session.status, str(session.cost_cap)) == ("queued", "7.5000")
    assert "The cap is raised" in text_of(answer)
    assert AuditEntry.objects.filter(action="raise_cap", object_id=str(session.pk)).count() == 1


@pytest.mark.parametrize("cap", ["", "much", "2.5", "-1", "NaN", "20000"])
def test_a_cap_that_is_no_higher_number_of_dollars_changes_nothing(browser: Client, user: Any, cap: str) -> None:
    session = over_its_cap(user)
    press(browser, session, "raise-cap", cap=cap)
    session.refresh_from_db()
    assert (session.status, str(session.cost_cap)) == ("failed", "2.5000")
