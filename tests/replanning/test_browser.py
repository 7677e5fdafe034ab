"""In a real browser, with a real worker: decide, accept, block, replan, watch, accept the new plan."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.conftest import chromium
from tests.live import Board, board

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: Milliseconds for the offline board to debate a decision on a busy machine.
DEBATE = 180_000
DECISION = (
    "We have to decide by Friday whether to move our 14-person support team from Leeds to Lisbon or to keep it where "
    "it is and hire four people there instead."
)


@pytest.fixture(scope="module")
def product(tmp_path_factory: Any) -> Iterator[Board]:
    with board(tmp_path_factory.mktemp("product")) as running:
        running.add_user()
        yield running


@pytest.fixture
def page(product: Board) -> Iterator[Page]:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium(), args=ARGS)
        tab = browser.new_page(base_url=product.url)
        errors: list[str] = []
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        yield tab
        browser.close()
        assert errors == []


def sign_in(page: Page) -> None:
    page.goto("/login/")
    page.get_by_label("Name").fill("ada") if page.get_by_label("Name").count() else page.locator("#id_username").fill(
        "ada"
    )
    page.locator("#id_password").fill("a-long-enough-secret")
    page.locator("form button.button").click()


def debated(page: Page) -> str:
    """Wait in the room until the board is done; return the session's path."""
    path = page.url.removeprefix("http://").partition("/")[2]
    expect(page.locator(".badge.status-completed").first).to_be_visible(timeout=DEBATE)
    return "/" + path


def test_from_decision_to_plan_and_back_to_the_board(page: Page, product: Board) -> None:
    sign_in(page)
    page.goto("/new/")
    page.locator("#id_problem_statement").fill(DECISION)
    page.locator("#id_max_rounds").fill("1")
    page.get_by_role("button", name="Bring it to the board").click()
    page.wait_for_url(re.compile(r"/sessions/"))
    room = debated(page)

    page.goto(f"{room}report/")
    page.get_by_role("link", name="Make it a plan").click()
    page.get_by_label("Title of the new project").fill("Support team")
    first = page.locator("fieldset.proposal").first
    first.get_by_label("Action", exact=True).fill("Hire two people first")
    page.get_by_role("button", name="Accept these actions").click()
    expect(page.get_by_role("heading", name="Support team")).to_be_visible()
    expect(page.locator(".notice.success")).to_contain_text("accepted")

    page.get_by_role("link", name="Hire two people first").click()
    page.locator("#move_reason").fill("The works council objects")
    page.get_by_role("button", name="Block", exact=True).click()
    expect(page.locator(".badge.state-blocked").first).to_be_visible()
    page.get_by_role("button", name="Replan", exact=True).click()
    expect(page.get_by_role("heading", name="The board is replanning this action")).to_be_visible()
    action = page.url

    page.get_by_role("link", name="Watch the board").click()
    page.wait_for_url(re.compile(r"/sessions/"))
    expect(page.locator("body")).to_contain_text("Hire two people first")
    debated(page)

    page.goto(action)
    expect(page.get_by_role("heading", name="The board offers a new plan")).to_be_visible(timeout=30_000)
    page.get_by_role("link", name="Read and accept the new plan").click()
    page.locator("fieldset.proposal").first.get_by_label("Action", exact=True).fill("Borrow two people")
    page.get_by_role("button", name="Accept the new plan").click()
    expect(page.get_by_role("link", name="Borrow two people")).to_be_visible()

    page.goto(action)
    expect(page.locator(".badge.state-replanned").first).to_be_visible()
    expect(page.get_by_text("Replanned as")).to_be_visible()
    assert product.query("SELECT count(*) FROM replanning_replan WHERE stage = 'accepted'") == [(1,)]
    done = product.manage("repair_replans", "--dry-run").stdout
    assert "0 found" in done


def test_an_offer_appears_by_itself_on_the_open_page_of_the_action(page: Page, product: Board) -> None:
    sign_in(page)
    page.goto("/projects/")
    page.get_by_text("Open an empty project").click()
    page.get_by_label("Title").fill("By hand")
    page.get_by_role("button", name="Open the project").click()
    page.get_by_text("Add an action").click()
    page.get_by_label("Action", exact=True).fill("Find an office")
    page.get_by_role("button", name="Add the action").click()
    page.get_by_role("link", name="Find an office").click()
    page.locator("#move_reason").fill("Nothing is to be had in the city")
    page.get_by_role("button", name="Block", exact=True).click()
    page.get_by_role("button", name="Replan", exact=True).click()
    expect(page.get_by_role("heading", name="The board offers a new plan")).to_be_visible(timeout=DEBATE)


#: A plan with long words, every state that a person brings about by hand, ties of every kind, and dates.
PLAN = """
from datetime import date
from django.contrib.auth import get_user_model
from replanning.models import Kind, State
from replanning.services import actions, dependencies, projects
ada = get_user_model().objects.get(username="ada")
plan = projects.create(ada, "A plan with a Donaudampfschifffahrtsgesellschaftskapitaenswitwenrente in its title")
rows = [
    actions.add(plan.pk, {"title": f"Step {n} " + "Reallylongword" * 6, "owner": "Head of support", "priority": "high",
                          "start_on": date(2026, 1, n + 1), "due_on": date(2026, 2, n + 1)}, actor=ada)
    for n in range(6)
]
for n, kind in enumerate(Kind):
    dependencies.tie(rows[n + 1].pk, rows[n].pk, actor=ada, kind=kind, lag=3)
actions.move(rows[0].pk, State.BLOCKED, actor=ada, reason="Because " + "nobody" * 30)
actions.move(rows[4].pk, State.CANCELLED, actor=ada)
"""


@pytest.mark.parametrize("width", [390, 1440])
def test_no_page_of_plans_scrolls_sideways(page: Page, product: Board, width: int) -> None:
    product.script(PLAN)
    sign_in(page)
    page.set_viewport_size({"width": width, "height": 900})
    addresses = ["/projects/", "/calibration/"]
    addresses += [
        f"/projects/{pk}/" for (pk,) in product.query("SELECT id FROM replanning_project ORDER BY id DESC LIMIT 2")
    ]
    addresses += [
        f"/projects/{pk}/?view=dates"
        for (pk,) in product.query("SELECT id FROM replanning_project ORDER BY id DESC LIMIT 1")
    ]
    addresses += [
        f"/actions/{pk}/" for (pk,) in product.query("SELECT id FROM replanning_action ORDER BY id DESC LIMIT 6")
    ]
    assert len(addresses) >= 9
    for address in addresses:
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
