"""The owner looks at the frame and the board, changes both, and watches several parts debated side by side."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_whole_path import CONSTRAINTS, DECISION, OPTIONS, shoot

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])
def test_an_owner_changes_the_frame_refuses_an_expert_and_reads_who_changed_their_mind(
    open_page: Callable[..., Page], javascript: bool
) -> None:
    page = open_page(java_script_enabled=javascript)
    page.goto(page.url + "new/")
    page.get_by_label("What do you have to decide?").fill(DECISION)
    page.get_by_label("Options you see").fill("\n".join(OPTIONS))
    page.get_by_label("What cannot be changed").fill("\n".join(CONSTRAINTS))
    page.get_by_label("Rounds of debate").fill("3")
    page.get_by_label("Show me the question and the board").check()
    page.get_by_role("button", name="Bring it to the board").click()
    page.wait_for_url(re.compile(r"/sessions/[0-9a-f-]{36}/$"))

    expect(page.get_by_role("heading", name="This is how the board understands it")).to_be_visible(timeout=30_000)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        shoot(page, f"review-{theme}-{'js' if javascript else 'plain'}")
    page.set_viewport_size({"width": 390, "height": 844})
    shoot(page, f"review-390-{'js' if javascript else 'plain'}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390 if javascript else True
    page.set_viewport_size({"width": 1440, "height": 900})
    refused = page.locator(".review-seats strong").first.inner_text()
    slug = page.locator(".review-seats input[type=checkbox]").first.get_attribute("value")
    for box in page.locator(f'.review-seats input[value="{slug}"]').all():  # on every part that has them
        box.check()
    page.get_by_label("The question").fill("What should the theatre do about its roof?")
    page.get_by_label("Rounds of debate, at most").fill("2")
    page.get_by_role("button", name="Yes, begin the debate").click()
    expect(page.locator("#messages, .messages, main").first).to_contain_text("The board begins.")

    expect(page.locator("#memo")).to_be_visible(timeout=90_000) if javascript else _reloaded(page)
    expect(page.locator(".question").first).to_have_text("What should the theatre do about its roof?")
    board = page.locator("#board, .room-board").first
    expect(board).to_be_visible()
    assert refused not in board.inner_text()
    shoot(page, f"debated-{'js' if javascript else 'plain'}")
    counted = page.locator(".count-up").first
    page.evaluate("document.querySelectorAll('details').forEach((d) => (d.open = true))") if javascript else None
    assert "By confidence" in counted.inner_html()
    assert page.locator(".flips, .count-up .faint").count() >= 1, "who changed their mind, or that nobody did"
    page.get_by_role("link", name="Read the whole memo").click()
    page.get_by_text("What each statement rests on").click()
    assert page.locator(".rests a").count() > 0
    shoot(page, f"memo-{'js' if javascript else 'plain'}")


def _reloaded(page: Any) -> None:
    for _ in range(120):
        if page.locator("#memo").count():
            return
        page.wait_for_timeout(1000)
        page.reload()
    raise AssertionError("the memo never came")
