"""In a real browser: attach documents, ask for an expert and refuse one, and find them again; staff edit a persona."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looking import looked_at, shot
from tests.conftest import PROBLEM
from tests.documents.pdfs import encrypted, pdf
from tests.live import Board

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NOTES = {"name": "rents-2026.md", "mimeType": "text/markdown", "buffer": b"# Rents\n\n- Leeds 400\n- Lisbon 310\n"}
LEASE = {"name": "lease.pdf", "mimeType": "application/pdf", "buffer": pdf("The lease ends in June.", "Page two")}
LOCKED = {"name": "locked.pdf", "mimeType": "application/pdf", "buffer": encrypted("x", "y")}


def fill(page: Page, board_url: str, *files: dict[str, Any]) -> None:
    page.goto(f"{board_url}/new/")
    page.get_by_label("What do you have to decide?").fill(PROBLEM)
    page.get_by_label("Documents").set_input_files(list(files))
    page.get_by_text("Choose experts yourself").click()
    page.get_by_label("Solveig Marchand: wanted").check()
    page.get_by_label("Viktor Sandoval: left out").check()


def test_a_decision_is_brought_with_documents_and_wishes(open_page: Callable[..., Page], board_url: str) -> None:
    page = open_page()
    fill(page, board_url, NOTES, LOCKED)
    looked_at(page, "documents-form")
    page.get_by_role("button", name="Bring it to the board").click()
    expect(page.get_by_role("alert")).to_contain_text("locked.pdf: It is protected by a password")
    expect(page.get_by_label("Solveig Marchand: wanted")).to_be_checked()
    expect(page.get_by_text("Attach your documents again")).to_be_visible()
    looked_at(page, "documents-refused")

    page.get_by_label("Documents").set_input_files([NOTES, LEASE])
    page.get_by_role("button", name="Bring it to the board").click()
    page.wait_for_url(re.compile(r"/sessions/[0-9a-f-]+/$"))
    board = page.locator("#board")
    expect(board.get_by_text("Solveig Marchand")).to_be_visible(timeout=60_000)
    expect(board.get_by_text("You asked for this seat")).to_be_visible()
    expect(board.get_by_text("Viktor Sandoval")).to_have_count(0)
    expect(page.locator(".card").first).to_be_visible(timeout=60_000)  # from then on the brief is folded
    brief = page.locator("details.brief").first
    brief.locator("summary").click()
    expect(brief.get_by_role("link", name="rents-2026.md")).to_be_visible()
    expect(brief.get_by_text("left out")).to_be_visible()
    looked_at(page, "documents-room")
    brief.get_by_role("link", name="lease.pdf").click()
    expect(page.get_by_role("heading", name="lease.pdf")).to_be_visible()
    expect(page.get_by_text("The lease ends in June.")).to_be_visible()
    looked_at(page, "document")


def test_documents_that_are_too_large_are_told_before_they_are_sent_and_nothing_typed_is_lost(
    open_page: Callable[..., Page], board_url: str
) -> None:
    page = open_page()
    large = [{"name": f"{n}.txt", "mimeType": "text/plain", "buffer": b"a" * 4_900_000} for n in range(3)]
    fill(page, board_url, *large)
    expect(page.get_by_text("Together they have 14.7 MB; the most is 12.0 MB.")).to_be_visible()
    page.get_by_role("button", name="Bring it to the board").click()
    expect(page.get_by_label("Documents")).to_be_focused()
    expect(page.get_by_label("What do you have to decide?")).to_have_value(PROBLEM)
    page.get_by_label("Documents").set_input_files([NOTES])
    expect(page.get_by_text("1 document, 1 kB")).to_be_visible()
    page.get_by_role("button", name="Bring it to the board").click()
    page.wait_for_url(re.compile(r"/sessions/[0-9a-f-]+/$"))


def test_staff_edit_a_persona_with_a_reason_and_see_its_versions(
    open_page: Callable[..., Page], board_url: str, product: Board
) -> None:
    script = (
        "from django.contrib.auth import get_user_model as m;"
        "m().objects.filter(username='grace').exists()"
        " or m().objects.create_superuser('grace', 'g@example.org', 'a-long-enough-secret')"
    )
    product.script(script)
    page = open_page("grace")
    page.goto(f"{board_url}/admin/board/personaversion/")
    list(shot(page, "admin-personas"))  # Django's own colours
    page.get_by_role("link", name="Casimir Doyle").click()
    page.get_by_role("link", name="Edit …").click()
    expect(page.get_by_label("Instructions:")).to_have_value(re.compile("rounds of trying and learning"))
    page.get_by_label("Name:").fill("Casimira Doyle")
    list(shot(page, "admin-persona-edit"))  # Django's own colours
    page.get_by_role("button", name="Edit").click()
    expect(page.get_by_label("Reason:")).to_be_visible()
    page.get_by_label("Reason:").fill("Ticket 7: her name")
    page.get_by_role("button", name="Edit").click()
    expect(page.get_by_text("was revised")).to_be_visible()
    expect(page.get_by_role("heading", name="Casimira Doyle, version 2").first).to_be_visible()
    expect(page.get_by_text("Ticket 7: her name").first).to_be_visible()
    list(shot(page, "admin-persona"))  # Django's own colours
