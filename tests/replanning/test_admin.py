"""Staff: replan repair with a preview, a reason and an audit entry (RP3); nothing else is written by hand."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from replanning.models import Action, ProjectSession, Replan
from replanning.services.replan import replan
from sessions.models import AuditEntry
from tests.replanning.test_faults import state

REPAIR = "/admin/replanning/replan/repair/"


@pytest.fixture
def site(staff: Any) -> Client:
    client = Client()
    client.force_login(staff)
    return client


@pytest.fixture
def damaged(blocked: Action, user: Any) -> Replan:
    asked = replan(blocked.pk, actor=user).replan
    ProjectSession.objects.all().delete()
    Action.objects.update(replan_session=None)
    return asked


def test_the_preview_says_what_would_be_done_and_changes_nothing(site: Client, damaged: Replan) -> None:
    before = state()
    page = site.get(REPAIR).content.decode()
    assert "session_without_link" in page
    assert "The link is made again." in page
    assert "Repair 2" in page
    assert state() == before


def test_a_repair_needs_a_reason_and_then_says_what_it_did(site: Client, damaged: Replan) -> None:
    assert site.post(REPAIR).status_code == 400
    assert not ProjectSession.objects.exists()
    page = site.post(REPAIR, {"reason": "Ticket 7"}, follow=True).content.decode()
    assert "The link is made again." in page
    assert "Nothing is damaged." in page
    assert set(AuditEntry.objects.filter(action="repair_replan").values_list("actor", "reason")) == {
        ("grace", "Ticket 7")
    }


def test_one_action_is_repaired_from_its_own_page(site: Client, damaged: Replan) -> None:
    address = f"/admin/replanning/action/{damaged.action_id}/do/repair-replans/"
    assert "The link is made again." in site.get(address).content.decode()
    assert "was repaired" in site.post(address, {"reason": "Ticket 8"}, follow=True).content.decode()
    assert ProjectSession.objects.count() == 1
    assert "Nothing is wrong with its replans." in site.post(address, {"reason": "Again"}, follow=True).content.decode()


def test_staff_without_the_permission_do_not_repair(damaged: Replan, django_user_model: Any) -> None:
    looker = django_user_model.objects.create_user("lou", is_staff=True)
    looker.user_permissions.add(*Permission.objects.filter(codename__in=["view_replan", "view_action"]))
    client = Client()
    client.force_login(looker)
    assert client.get("/admin/replanning/replan/").status_code == 200
    assert "Repair replans" not in client.get("/admin/replanning/replan/").content.decode()
    assert client.get(REPAIR).status_code == 403
    assert client.post(REPAIR, {"reason": "x"}).status_code == 403
    assert client.post(f"/admin/replanning/action/{damaged.action_id}/do/repair-replans/").status_code == 403


@pytest.mark.parametrize("model", ["project", "projectsession", "action", "actiondependency", "replan"])
def test_every_table_of_plans_can_be_read_and_none_written_by_hand(site: Client, damaged: Replan, model: str) -> None:
    assert site.get(f"/admin/replanning/{model}/").status_code == 200
    assert site.get(f"/admin/replanning/{model}/add/").status_code == 403
    if model in ("project", "action", "replan"):
        pk = {"project": damaged.action.project_id, "action": damaged.action_id, "replan": damaged.pk}[model]
        assert site.get(f"/admin/replanning/{model}/{pk}/change/").status_code == 200
        assert site.post(f"/admin/replanning/{model}/{pk}/delete/").status_code == 403
