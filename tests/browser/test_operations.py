"""The staff's operations page in a real browser: live over its web socket, without Redis (MO1)."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.chaos.kit import start_sessions
from tests.live import Board

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PATIENCE = 60_000


@pytest.fixture(scope="module", autouse=True)
def grace(product: Board) -> None:
    product.add_user("grace", staff=True)


@pytest.fixture
def desk(product: Board, open_page: Callable[..., Page]) -> Page:
    page = open_page("grace")
    page.goto(f"{product.url}/admin/board/runnerslot/operations/")
    expect(page.get_by_role("status")).to_have_text("Live.", timeout=PATIENCE)
    return page


def test_a_session_that_completes_is_counted_before_the_eyes_of_staff(product: Board, desk: Page) -> None:
    desk.evaluate("window.unreloaded = true")
    completed = desk.get_by_role("row", name="Completed").get_by_role("cell")
    before = int(completed.inner_text())
    link = desk.get_by_role("link", name="Completed", exact=True)
    link.focus()
    start_sessions(product, 1, rounds=1)
    expect(completed).to_have_text(str(before + 1), timeout=PATIENCE)
    expect(link).to_be_focused()
    assert desk.evaluate("window.unreloaded")


def test_an_alarm_leads_to_its_runbook_and_back(product: Board, desk: Page) -> None:
    product.query(
        "INSERT INTO llm_breaker (provider, phase, failures, reason, open_until, probe, changed_at)"
        " VALUES ('elsewhere', 'open', 5, '529', now() + interval '1 hour', '', now())"
    )
    alarm = desk.get_by_role("listitem").filter(has_text="Breaker open: elsewhere")
    alarm.get_by_role("link", name="What to do").click(timeout=PATIENCE)
    expect(desk.get_by_role("heading", name="What to press")).to_be_visible(timeout=PATIENCE)
    product.query("DELETE FROM llm_breaker WHERE provider = 'elsewhere'")
    desk.get_by_role("link", name="Operations").last.click()
    expect(desk.get_by_role("heading", name="What needs a person")).to_be_visible(timeout=PATIENCE)


def test_without_the_socket_the_page_asks_by_itself(product: Board, open_page: Callable[..., Page]) -> None:
    page = open_page("grace")
    page.route_web_socket("**/operations/live", lambda socket: None)  # opens and never says a word
    page.goto(f"{product.url}/admin/board/runnerslot/operations/")
    expect(page.get_by_role("status")).to_contain_text("no live connection", timeout=PATIENCE)
