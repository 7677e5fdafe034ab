"""The buttons of the room and of the form, on a running board."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.live import Board, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def bring_example(page: Page, url: str, rounds: str = "4") -> None:
    page.goto(url + "/new/?example=1")
    page.get_by_label("Rounds of debate").fill(rounds)
    page.get_by_role("button", name="Bring it to the board").click()
    page.wait_for_url(re.compile(r"/sessions/"))


def test_a_form_pressed_twice_in_a_row_brings_one_decision(
    open_page: Callable[..., Page], board_url: str, product: Board
) -> None:
    page = open_page()
    count = "SELECT count(*) FROM board_session"
    before = product.query(count)[0][0]
    page.goto(board_url + "/new/?example=1")
    page.get_by_label("Rounds of debate").fill("1")
    page.get_by_role("button", name="Bring it to the board").dblclick()
    page.wait_for_url(re.compile(r"/sessions/"))
    assert product.query(count)[0][0] == before + 1


def test_a_running_debate_is_stopped_with_a_reason(open_page: Callable[..., Page], board_url: str) -> None:
    page = open_page()
    bring_example(page, board_url)
    expect(page.locator(".card").first).to_be_visible(timeout=60_000)
    page.locator("#stop summary").click()
    page.get_by_label("Why?").fill("They withdrew their offer")
    page.get_by_role("button", name="Stop this deliberation").click()
    expect(page.locator("#stopped")).to_contain_text("They withdrew their offer.")
    assert page.locator("#controls").count() == 0


def test_a_failed_session_is_continued_with_its_one_button(
    open_page: Callable[..., Page], board_url: str, seed: Callable[..., str], product: Board
) -> None:
    page = open_page()
    page.goto(board_url + seed("failed"))
    expect(page.locator("#trouble")).to_contain_text("The language model cannot be reached")
    page.get_by_role("button", name="Continue from round 2").click()
    expect(page.locator(".notice.success")).to_contain_text("What was paid is not paid again.")
    pk = page.url.split("/")[4]
    wait_until(
        lambda: product.query("SELECT 1 FROM board_event WHERE session_id = %s AND data->>'reason' = 'retried'", pk),
        seconds=10,
    )


def test_the_example_can_be_loaded_and_taken_back(open_page: Callable[..., Page], board_url: str) -> None:
    page = open_page()
    page.goto(board_url + "/new/")
    problem = page.get_by_label("What do you have to decide?")
    problem.fill("Something of my own that I have typed already")
    expect(page.locator(".count").first).to_have_text("45 characters")
    page.get_by_role("link", name="Load an example").click()
    assert "bakery" in problem.input_value()
    page.get_by_role("link", name="Put my own text back").click()
    assert problem.input_value() == "Something of my own that I have typed already"
