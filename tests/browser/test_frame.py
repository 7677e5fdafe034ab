"""Without JavaScript the owner looks at the frame and the board as well, changes both, and reads what they came to."""

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_whole_path import CONSTRAINTS, DECISION, OPTIONS

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_without_javascript_an_owner_changes_the_frame_and_refuses_an_expert(open_page: Callable[..., Page]) -> None:
    page = open_page(java_script_enabled=False)
    page.goto(page.url + "new/")
    page.get_by_label("What do you have to decide?").fill(DECISION)
    page.get_by_label("Options you see").fill("\n".join(OPTIONS))
    page.get_by_label("What cannot be changed").fill("\n".join(CONSTRAINTS))
    page.get_by_label("Rounds of debate").fill("2")
    page.get_by_label("Show me the question and the board").check()
    page.get_by_role("button", name="Bring it to the board").click()
    page.wait_for_url(re.compile(r"/sessions/[0-9a-f-]{36}/$"))

    _reloaded_until(page, ".review-seats")
    refused = page.locator(".review-seats strong").first.inner_text()
    slug = page.locator(".review-seats input[type=checkbox]").first.get_attribute("value")
    for box in page.locator(f'.review-seats input[value="{slug}"]').all():  # on every part that has them
        box.check()
    for box in page.get_by_label("Debate this part").all()[1:]:  # one part is enough to see it
        box.uncheck()
    page.get_by_label("The question").fill("What should the theatre do about its roof?")
    page.get_by_role("button", name="Yes, begin the debate").click()
    expect(page.get_by_text("The board begins.")).to_be_visible()

    _reloaded_until(page, "#memo")
    expect(page.locator(".question").first).to_have_text("What should the theatre do about its roof?")
    assert refused not in page.locator("#board").inner_text()
    assert "By confidence" in page.locator(".count-up").first.inner_html()
    assert page.locator(".flips, .count-up .faint").count() >= 1, "who changed their mind, or that nobody did"


def _reloaded_until(page: Page, selector: str) -> None:
    deadline = time.monotonic() + 120
    while not page.locator(selector).count():
        assert time.monotonic() < deadline, f"{selector} never came"
        page.wait_for_timeout(500)
        page.reload()
