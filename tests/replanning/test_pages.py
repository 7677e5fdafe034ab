"""Pages of plans: the same services as the API, in a bounded number of queries."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from replanning.models import Action, ActionDependency, Kind, Project, Replan, Stage, State
from replanning.services import actions, dependencies, offer
from replanning.services.accept import proposals_of
from replanning.services.replan import replan
from sessions.models import Session
from tests.replanning.conftest import finish, propose
from tests.replanning.test_faults import state

#: Of a project page: sign-in session, person, project, links, counts, cards, their ties, their replans.
QUERIES = 8


@pytest.fixture
def browser(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def fill(project: Project, count: int) -> None:
    """``count`` actions in every state, every third one tied to the one before."""
    rows = [
        Action(
            project=project,
            position=number,
            title=f"Action {number}",
            what="x" * 200,
            status=list(State)[number % 9],
            due_on=date(2030, 1, 1) + timedelta(days=number % 300),
        )
        for number in range(count)
    ]
    Action.objects.bulk_create(rows)
    ActionDependency.objects.bulk_create(
        ActionDependency(action=rows[n], predecessor=rows[n - 1]) for n in range(1, count, 3)
    )


@pytest.mark.parametrize("query", ["", "?view=dates", "?state=todo", "?view=dates&page=3"])
def test_a_project_of_two_thousand_actions_takes_eight_queries(browser: Client, project: Project, query: str) -> None:
    fill(project, 2000)
    with CaptureQueriesContext(connection) as seen:
        page = browser.get(f"/projects/{project.pk}/{query}")
    assert page.status_code == 200
    assert len(seen) == QUERIES, [one["sql"][:90] for one in seen]
    assert b"Action 3" in page.content
    if not query:
        assert "Show all 223" in page.content.decode()


def test_an_action_with_many_neighbours_takes_as_few_queries_as_one_with_few(
    browser: Client, project: Project, make_action: Callable[..., Action], user: Any
) -> None:
    action = make_action("In the middle")

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert browser.get(f"/actions/{action.pk}/").status_code == 200
        return len(seen)

    for number in range(2):
        dependencies.tie(action.pk, make_action(f"Before {number}").pk, actor=user)
    few = queries()
    for number in range(10):
        dependencies.tie(action.pk, make_action(f"Also before {number}").pk, actor=user)
        dependencies.tie(make_action(f"After {number}").pk, action.pk, actor=user)
    assert queries() == few


def test_proposals_are_edited_accepted_and_shown_on_the_board(
    browser: Client, completed: Callable[..., Session]
) -> None:
    session = completed(2)
    assert session.title in browser.get("/projects/").content.decode()
    one, two = proposals_of(session.pk)
    url = reverse("plan:accept", args=[session.pk])
    assert "Step 1" in browser.get(url).content.decode()
    answer = browser.post(
        url,
        {
            "project": "",
            "title": "Support",
            f"p{one.pk}-take": "on",
            f"p{one.pk}-title": "Hire two",
            f"p{one.pk}-due_on": "2030-01-05",
            f"p{two.pk}-title": "Left out",
        },
        follow=True,
    )
    page = answer.content.decode()
    assert "1 action accepted." in page
    assert "Hire two" in page
    assert Action.objects.get().due_on == date(2030, 1, 5)
    assert "Accepted already" in browser.get(url).content.decode()


def test_a_bad_row_is_named_on_the_page_and_the_good_one_kept(
    browser: Client, completed: Callable[..., Session]
) -> None:
    session = completed(2)
    one, two = proposals_of(session.pk)
    form = {"title": "Support", f"p{one.pk}-take": "on", f"p{one.pk}-title": "Fine", f"p{two.pk}-take": "on"}
    page = browser.post(reverse("plan:accept", args=[session.pk]), form, follow=True).content.decode()
    assert "1 action accepted." in page
    assert "Not accepted: “Step 2”. “title” must not be empty." in page


def test_when_every_row_is_bad_the_form_is_shown_again_with_what_was_typed(
    browser: Client, completed: Callable[..., Session]
) -> None:
    session = completed(1)
    (one,) = proposals_of(session.pk)
    form = {"title": "Support", f"p{one.pk}-take": "on", f"p{one.pk}-title": "x" * 200}
    answer = browser.post(reverse("plan:accept", args=[session.pk]), form)
    assert answer.status_code == 422
    assert "Nothing was accepted yet." in answer.content.decode()
    assert "x" * 200 in answer.content.decode()
    assert not Project.objects.exists()


def test_an_action_is_blocked_replanned_and_its_new_plan_accepted_on_the_pages(
    browser: Client, make_action: Callable[..., Action]
) -> None:
    action = make_action()
    url = f"/actions/{action.pk}/"
    refused = browser.post(f"{url}move/", {"status": "blocked"}, follow=True)
    assert "must not be empty" in refused.content.decode()
    blocked = browser.post(f"{url}move/", {"status": "blocked", "reason": "No budget"}, follow=True)
    assert "Find another way" in blocked.content.decode()
    for said in ("The board is replanning it.", "The board is replanning it already."):
        assert said in browser.post(f"{url}replan/", follow=True).content.decode()
    asked = Replan.objects.get()
    assert asked.session is not None
    assert reverse("board:session", args=[asked.session_id]) in browser.get(f"{url}?fragment=1").content.decode()
    (new,) = propose(asked.session, 1, ("Borrow two people",))
    finish(asked.session.pk)
    offer.settle(asked.session.pk)
    assert "The board offers a new plan" in browser.get(url).content.decode()
    form = {f"p{new.pk}-take": "on", f"p{new.pk}-title": new.title}
    board = browser.post(reverse("plan:accept_plan", args=[asked.pk]), form, follow=True).content.decode()
    assert "Borrow two people" in board
    asked.refresh_from_db()
    assert asked.stage == Stage.ACCEPTED
    page = browser.get(url).content.decode()
    assert "Replanned as" in page
    assert "accepted the new plan" in page


def test_a_plan_is_declined_on_the_page(browser: Client, blocked: Action, user: Any) -> None:
    asked = replan(blocked.pk, actor=user).replan
    assert asked.session is not None
    propose(asked.session)
    finish(asked.session.pk)
    offer.settle(asked.session.pk)
    page = browser.post(reverse("plan:decline", args=[asked.pk]), follow=True).content.decode()
    assert "The action can be replanned again." in page
    assert "Find another way" in page


def test_projects_actions_and_dependencies_are_made_and_changed_on_the_pages(browser: Client) -> None:
    browser.post("/projects/", {"title": "By hand"})
    project = Project.objects.get()
    for title in ("First", "Second"):
        browser.post(f"/projects/{project.pk}/", {"title": title, "priority": "low"})
    first, second = Action.objects.order_by("position")
    page = browser.post(f"/actions/{second.pk}/tie/", {"predecessor": first.pk, "kind": "fs", "lag": 0}, follow=True)
    assert "It now depends on “First”." in page.content.decode()
    page = browser.post(f"/actions/{first.pk}/tie/", {"predecessor": second.pk, "kind": "fs", "lag": 0}, follow=True)
    assert "That would be a circle" in page.content.decode()
    tie = ActionDependency.objects.get()
    browser.post(f"/actions/{second.pk}/untie/{tie.pk}/")
    assert not ActionDependency.objects.exists()
    browser.post(f"/actions/{first.pk}/", {"title": "First of all", "priority": "high", "progress": "40"})
    first.refresh_from_db()
    assert (first.title, first.priority, first.progress) == ("First of all", "high", 40)
    wrong = browser.post(
        f"/actions/{first.pk}/",
        {"title": "First", "priority": "high", "progress": "0", "start_on": "2030-02-01", "due_on": "2030-01-01"},
    )
    assert wrong.status_code == 422
    assert "due before it starts" in wrong.content.decode()
    browser.post(f"/projects/{project.pk}/status/", {"status": "archived"})
    project.refresh_from_db()
    assert project.status == "archived"


def test_a_stranger_finds_nothing_and_somebody_signed_out_is_asked_to_sign_in(
    blocked: Action, completed: Callable[..., Session], django_user_model: Any
) -> None:
    stranger, session = Client(), completed()
    asked = replan(blocked.pk, actor=session.owner).replan
    addresses = [
        f"/projects/{blocked.project_id}/",
        f"/actions/{blocked.pk}/",
        f"/sessions/{session.pk}/actions/",
        f"/replans/{asked.pk}/plan/",
    ]
    before = state()
    for address in addresses:
        assert stranger.get(address).status_code == 302
    stranger.force_login(django_user_model.objects.create_user("eve"))
    for address in addresses:
        assert stranger.get(address).status_code == 404
    verbs = [f"/actions/{blocked.pk}/{verb}/" for verb in ("move", "replan", "tie", "untie/1")]
    for verb in (*verbs, f"/projects/{blocked.project_id}/status/", f"/replans/{asked.pk}/decline/"):
        assert stranger.post(verb).status_code == 404, verb
        assert stranger.get(verb).status_code == 405, verb
    assert state() == before


def test_staff_who_may_only_look_see_no_button_and_are_refused(blocked: Action, django_user_model: Any) -> None:
    looker = django_user_model.objects.create_user("lou", is_staff=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_project"))
    client = Client()
    client.force_login(looker)
    page = client.get(f"/actions/{blocked.pk}/").content.decode()
    assert ">Replan<" not in page
    assert "Move it along" not in page
    before = state()
    for verb, fields in (("replan", {}), ("move", {"status": "todo"}), ("tie", {"predecessor": blocked.pk})):
        client.post(f"/actions/{blocked.pk}/{verb}/", fields, follow=True)
    assert state() == before
    looker.user_permissions.add(Permission.objects.get(codename="control_project"))
    client.force_login(django_user_model.objects.get(pk=looker.pk))
    assert ">Replan<" in client.get(f"/actions/{blocked.pk}/").content.decode()
    client.post(f"/actions/{blocked.pk}/replan/")
    assert Replan.objects.get().requested_by == looker


def test_what_is_late_or_stuck_is_said_in_words_wherever_one_looks_on_monday(
    browser: Client, make_action: Callable[..., Action], project: Project
) -> None:
    late = make_action("Call the landlord", due_on=timezone.localdate() - timedelta(days=3))
    make_action("Over long ago", State.DONE, due_on=timezone.localdate() - timedelta(days=9))
    make_action("Find a lawyer", State.BLOCKED)
    for address in (f"/projects/{project.pk}/", f"/projects/{project.pk}/?view=dates", f"/actions/{late.pk}/"):
        page = browser.get(address).content.decode()
        assert page.count("3 days late") == 1, address
        assert "9 days late" not in page
    listed = browser.get("/projects/").content.decode()
    assert "1 of 3 done" in listed
    assert "1 blocked" in listed
    assert "1 late" in listed


def test_an_action_that_waits_says_for_what_and_offers_no_button_that_would_be_refused(
    browser: Client, make_action: Callable[..., Action], user: Any, project: Project
) -> None:
    over, hire, train = make_action("Over", State.DONE), make_action("Hire"), make_action("Train")
    dependencies.tie(train.pk, over.pk, actor=user)
    dependencies.tie(train.pk, hire.pk, actor=user, kind=Kind.START_TO_START, lag=4)
    page = browser.get(f"/actions/{train.pk}/").content.decode()
    assert "It waits for</strong> <a" in page
    assert "start to start, +4 days" in page
    assert 'value="in_progress"' not in page
    assert 'value="cancelled"' in page
    board = browser.get(f"/projects/{project.pk}/").content.decode()
    assert "Waits for Hire<" in board
    actions.move(hire.pk, State.IN_PROGRESS, actor=user)
    page = browser.get(f"/actions/{train.pk}/").content.decode()
    assert "It waits for" not in page
    assert 'value="in_progress"' in page


def test_a_new_plan_on_offer_waits_on_the_list_of_projects(browser: Client, blocked: Action, user: Any) -> None:
    asked = replan(blocked.pk, actor=user).replan
    assert asked.session is not None
    propose(asked.session)
    finish(asked.session.pk)
    offer.settle(asked.session.pk)
    page = browser.get("/projects/").content.decode()
    assert f"A new plan for “{blocked.title}”" in page
    assert reverse("plan:accept_plan", args=[asked.pk]) in page


def test_a_project_is_renamed_on_its_page_and_a_bad_title_refused(browser: Client, project: Project) -> None:
    url = f"/projects/{project.pk}/status/"
    browser.post(url, {"title": "Support, second try", "description": "Since May", "status": "paused"})
    project.refresh_from_db()
    assert (project.title, project.description, project.status) == ("Support, second try", "Since May", "paused")
    refused = browser.post(url, {"title": "", "description": "", "status": "active"}, follow=True).content.decode()
    assert "must not be empty" in refused
    project.refresh_from_db()
    assert (project.title, project.status) == ("Support, second try", "paused")


def test_a_project_without_actions_says_how_they_come(browser: Client, project: Project) -> None:
    for view in ("", "?view=dates"):
        assert "No actions yet" in browser.get(f"/projects/{project.pk}/{view}").content.decode()
