"""The whole path of a person with a decision, through every real part."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.live import Board

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DECISION = """
Our regional theatre has 412 seats, a company of nineteen and a roof that will not survive another winter. The city has
offered to pay two thirds of a new roof, 1.9 million in all, if we close for one full season from September and stay a
house with its own company for at least ten years afterwards. The last third is ours to find. Our reserves are 340,000;
a friend of the house would lend 250,000 without interest, but wants a seat on the board of trustees.

Closing costs us the season tickets: 2,300 subscribers bring 38 per cent of our income, and when the neighbouring house
closed for a year, a third of its subscribers never returned. We could play in the old tram depot, which holds 180 and
has no heating, or tour the schools of the county with two small productions, for which the county has hinted at money
but promised none. Seven of the nineteen have contracts that end next summer, and four of those have told the director
that they would not wait for a year.

The director wants the depot; the bookkeeper wants to patch the roof for 90,000 and ask the city again in two years; the
company wants to know by the end of the month, and so does the city. What should we do, what would have to be true for
it to be right, and what do we tell the subscribers on Monday?
"""
OPTIONS = [
    "Close for a season and play in the tram depot",
    "Patch the roof and ask again in two years",
    "Close and tour",
]
CONSTRAINTS = ["The answer is due by the end of the month", "No one is dismissed before next summer"]


def shoot(page: Page, name: str) -> None:
    """Keep a picture where ``SCREENSHOTS`` says, for a person to look at."""
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_a_person_brings_a_decision_watches_the_board_and_takes_home_a_memo(
    open_page: Callable[..., Page], board_url: str, product: Board
) -> None:
    assert len(DECISION.split()) >= 150
    product.add_user("grace")  # who has brought nothing yet
    page = open_page("grace")
    page.get_by_role("link", name="Bring your first decision").click()
    page.get_by_label("What do you have to decide?").fill(DECISION)
    page.get_by_label("Options you see").fill("\n".join(OPTIONS))
    page.get_by_label("What cannot be changed").fill("\n".join(CONSTRAINTS))
    page.get_by_label("Rounds of debate").fill("2")
    page.get_by_role("button", name="Bring it to the board").click()

    page.wait_for_url(re.compile(r"/sessions/[0-9a-f-]{36}/$"))
    page.evaluate("window.neverReloaded = true")
    connection = page.locator("#connection")
    expect(connection).to_have_text("live", timeout=15_000)

    # The debate is watched while it happens: cards arrive one after the other, and each is announced.
    expect(page.locator(".card").first).to_be_visible(timeout=60_000)
    early = page.locator(".card").count()
    expect(page.locator("#announcer")).to_contain_text(":")
    shoot(page, "live")
    expect(page.locator(".card").nth(early)).to_be_visible(timeout=60_000)
    expect(page.locator("#board")).to_contain_text(re.compile("Thinking|Spoke in round"))

    memo = page.locator("#memo")
    expect(memo).to_be_visible(timeout=120_000)
    expect(connection).to_have_text("ended, nothing more to come", timeout=30_000)
    expect(page.locator(".badge").first).to_have_text("Completed")
    assert page.evaluate("window.neverReloaded")
    expect(memo).to_contain_text("offline demo")
    expect(page.locator("#plots svg").first).to_be_visible()
    shoot(page, "room")

    page.reload()
    expect(memo).to_be_visible()
    answer = memo.locator(".answer").inner_text()
    page.get_by_role("link", name="Read the whole memo").click()
    sheet = page.get_by_role("article")
    expect(sheet).to_contain_text(answer)
    for part in ("Why", "The strongest dissent", "The options side by side", "What to do"):
        expect(sheet.get_by_role("heading", name=part, exact=True)).to_be_visible()
    shoot(page, "memo")

    source = sheet.locator(".sources a").first
    name = source.inner_text()
    source.click()
    target = page.locator(f"[id='{page.url.split('#')[1]}']")
    expect(target).to_be_visible()
    expect(target).to_contain_text(name)

    page.goto(board_url)
    expect(page.locator(".row").first).to_contain_text(answer)
    expect(page.locator(".row").first).to_contain_text("Completed")


def test_the_whole_path_works_without_javascript(open_page: Callable[..., Page], board_url: str) -> None:
    page = open_page(java_script_enabled=False)
    page.goto(board_url + "/new/")
    page.get_by_role("link", name="Load an example").click()
    page.get_by_label("Rounds of debate").fill("1")
    page.get_by_role("button", name="Bring it to the board").click()
    page.wait_for_url(re.compile(r"/sessions/[0-9a-f-]{36}/$"))
    # Nothing but the page's own reloading brings the answer.
    expect(page.locator("#memo")).to_be_visible(timeout=120_000)
    expect(page.locator("#memo")).to_contain_text("What to do", timeout=60_000)
    page.get_by_role("link", name="Read the whole memo").click()
    expect(page.get_by_role("article")).to_contain_text("The strongest dissent")
