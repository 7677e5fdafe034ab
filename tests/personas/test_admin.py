"""Staff keep the catalogue: every edit is a version with a reason, asked for by POST, with the permission."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from sessions.models import AuditEntry, PersonaVersion
from sessions.personas import catalogue, history
from tests.personas.test_versions import FRESH, REASONS, content, newest

LIST = "/admin/board/personaversion/"


def place(row: PersonaVersion, verb: str) -> str:
    return reverse("admin:board_personaversion_operation", args=[row.pk, verb])


def form(row: PersonaVersion, **changes: Any) -> dict[str, Any]:
    given = content(row, domains=", ".join(row.domains))
    del given["slug"]
    return {**given, "reason": "Ticket 12", **changes}


@pytest.fixture
def site(staff: Any) -> Client:
    client = Client()
    client.force_login(staff)
    return client


@pytest.fixture
def looker(db: None) -> Client:
    """Staff who may look at the catalogue and not change it."""
    someone = get_user_model().objects.create_user("edsger", is_staff=True)
    someone.user_permissions.add(Permission.objects.get(codename="view_personaversion"))
    client = Client()
    client.force_login(someone)
    return client


def test_the_list_shows_the_newest_of_each_and_on_request_every_version(site: Client) -> None:
    row = newest("red-team")
    site.post(place(row, "edit"), form(row, name="Viktor S."), follow=True)
    page = site.get(LIST).content.decode()
    assert f"{len(catalogue())} persona versions" in page
    assert "Viktor S." in page
    assert "Viktor Sandoval" not in page
    assert "Viktor Sandoval" in site.get(f"{LIST}?versions=all").content.decode()


def test_an_edit_begins_with_the_present_text_and_leads_to_the_new_version(site: Client) -> None:
    row = newest("red-team")
    page = site.get(place(row, "edit")).content.decode()
    assert row.reasons.replace("'", "&#x27;") in page
    assert "those under way keep theirs" in page
    assert not AuditEntry.objects.exists()
    answer = site.post(place(row, "edit"), form(row, reasons=REASONS, domains="home,  family , move"), follow=True)
    now = newest("red-team")
    assert answer.redirect_chain[-1][0] == reverse("admin:board_personaversion_change", args=[now.pk])
    assert (now.version, now.reasons, now.domains, now.reason) == (2, REASONS, ["home", "family", "move"], "Ticket 12")
    assert "version 1” was revised" in answer.content.decode()
    assert AuditEntry.objects.get().actor == "grace"


def test_an_edit_without_a_reason_changes_nothing(site: Client) -> None:
    row = newest("red-team")
    assert site.post(place(row, "edit"), form(row, name="X", reason="")).status_code == 400
    assert newest("red-team").pk == row.pk


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"reasons": "Thinks."}, "between 150 and 700"), ({"name": "Ada Thorne"}, "No two may be alike"), ({}, "Nothing")],
)
def test_a_refused_edit_says_why_and_makes_no_version(site: Client, changes: dict[str, Any], said: str) -> None:
    row = newest("red-team")
    page = site.post(place(row, "edit"), form(row, **changes), follow=True).content.decode()
    assert "Nothing was changed" in page
    assert said in page
    assert newest("red-team").pk == row.pk


def test_a_persona_is_added_from_the_list(site: Client) -> None:
    new = reverse("admin:board_personaversion_new")
    assert new in site.get(LIST).content.decode()
    assert site.get(new).status_code == 200
    given = {**FRESH, "domains": "home, family, move", "reason": "A quiet voice was missing"}
    assert site.post(new, {**given, "slug": "Not A Slug"}).status_code == 400
    answer = site.post(new, given, follow=True)
    assert "“Imke Larsson, version 1” was added" in answer.content.decode()
    assert "neighbour" in history.current()


def test_retired_personas_are_restored_and_old_versions_brought_back(site: Client) -> None:
    row = newest("inversion")
    site.post(place(row, "retire"), {"reason": "too glum"})
    gone = newest("inversion")
    assert "inversion" not in history.current()
    page = site.get(reverse("admin:board_personaversion_change", args=[gone.pk])).content.decode()
    assert "too glum" in page
    assert place(gone, "restore") in page
    assert place(gone, "retire") not in page
    site.post(place(row, "restore"), {"reason": "missed after all"})
    assert history.current()["inversion"].version == 3


def test_several_are_retired_at_once_and_each_is_told(site: Client) -> None:
    rows = [newest(slug) for slug in ("inversion", "regret")]
    site.post(place(rows[0], "retire"), {"reason": "first"})
    chosen = {"action": "retire", "_selected_action": [newest("inversion").pk, rows[1].pk], "confirmed": "yes"}
    page = site.post(LIST, {**chosen, "reason": "spring"}, follow=True).content.decode()
    assert "1 retired, 1 skipped: It is retired already." in page


@pytest.mark.parametrize("verb", ["edit", "retire", "restore"])
def test_who_may_only_look_sees_no_button_and_is_refused(looker: Client, verb: str) -> None:
    row = newest("red-team")
    page = looker.get(reverse("admin:board_personaversion_change", args=[row.pk])).content.decode()
    assert "/do/" not in page
    assert reverse("admin:board_personaversion_new") not in looker.get(LIST).content.decode()
    assert looker.get(place(row, verb)).status_code == 403
    assert looker.post(place(row, verb), form(row, name="X")).status_code == 403
    assert looker.post(reverse("admin:board_personaversion_new"), FRESH).status_code == 403
    assert newest("red-team").pk == row.pk


def test_a_hostile_persona_is_shown_as_text(site: Client) -> None:
    row = newest("red-team")
    site.post(
        place(row, "edit"), form(row, name="<script>alert(1)</script>", blind_spot="<img src=x onerror=alert(2)>")
    )
    now = newest("red-team")
    for page in (LIST, reverse("admin:board_personaversion_change", args=[now.pk]), place(now, "edit"), "/new/"):
        shown = site.get(page).content.decode()
        assert "&lt;script&gt;alert(1)" in shown
        assert "<script>alert(1)" not in shown
        assert "<img src=x" not in shown
