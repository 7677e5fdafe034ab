"""After the board, in a real browser: record the decision, later its outcome, and read the track record."""

from collections.abc import Callable
from datetime import date

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_decision_and_outcome_are_recorded_and_become_a_point_of_the_track_record(
    open_page: Callable[..., Page], seed: Callable[..., str]
) -> None:
    session = seed("finished")
    page = open_page()
    page.goto(page.url.rstrip("/") + session + "report/")
    page.get_by_role("link", name="Record what you decided").click()
    page.get_by_label("What you decided").fill("We take the trial, for six months.")
    page.get_by_label("Compared with the recommendation").select_option("yes")
    page.get_by_role("button", name="Record the decision").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Your decision is recorded.")
    page.get_by_label("In hindsight").select_option("right")
    page.get_by_label("What happened").fill("The loaves sold.")
    page.get_by_label("Judged on").fill(f"{date.today():%Y-%m-%d}")
    page.get_by_role("button", name="Record the outcome").click()
    expect(page.get_by_role("status")).to_contain_text("The outcome is recorded.")
    page.get_by_role("link", name="See how sure the board was").click()
    expect(page.get_by_role("heading", name="Track record")).to_be_visible()
    expect(page.get_by_role("img", name="Reliability plot")).to_be_visible()
    expect(page.locator(".reliability circle.dot")).to_have_count(1)
    expect(page.get_by_text("too few for a score")).to_be_visible()
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
    page.locator(".rows h3 a").first.click()
    expect(page.get_by_text("The loaves sold.")).to_be_visible()
