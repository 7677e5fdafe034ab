"""The live room: nothing jumps, nothing is lost, and the connection says how it is."""

import signal
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.live import Board, board

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    """Without a worker: these sessions go on only when the test says so."""
    with board(tmp_path_factory.mktemp("board"), worker=False) as running:
        running.add_user()
        yield running


def add(product: Board, path: str, person: int) -> None:
    """Let one more persona of a seeded session speak, as the engine would: row and event in one transaction."""
    pk = path.split("/")[2]
    script = (
        "from sessions.models import Session; from tests import factories as f;"
        f"from django.db import transaction; s = Session.objects.get(pk={pk!r})\n"
        f"with transaction.atomic(): f.say(s, 2, {person})"
    )
    product.script(script)


def test_what_is_typed_focused_and_scrolled_stays_while_contributions_arrive(
    open_page: Callable[..., Page], board_url: str, product: Board, seed: Callable[..., str]
) -> None:
    path = seed("running")
    page = open_page(viewport={"width": 1440, "height": 700})
    page.goto(board_url + path)
    expect(page.locator("#connection")).to_have_text("live", timeout=15_000)
    page.locator("#stop summary").click()
    remark = page.get_by_label("Throw in a remark")
    remark.fill("The mill gives us thirty days now, and")
    remark.evaluate("field => field.setSelectionRange(4, 8)")
    before = page.evaluate("[scrollY, document.activeElement.id]")
    assert page.locator(".card").count() == 6
    add(product, path, 2)
    expect(page.locator(".card")).to_have_count(7, timeout=20_000)
    assert page.evaluate("[scrollY, document.activeElement.id]") == before
    assert remark.input_value() == "The mill gives us thirty days now, and"
    assert remark.evaluate("field => [field.selectionStart, field.selectionEnd]") == [4, 8]
    assert page.locator("#stop").evaluate("fold => fold.open")
    expect(page.locator("#announcer")).to_contain_text("The Option Trader: Counter with 350 for six months")
    newer = page.get_by_role("button", name="1 new contribution")
    newer.click()
    expect(newer).to_be_hidden()
    expect(page.locator(".card").last).to_be_in_viewport()


def test_a_web_process_that_dies_is_told_and_caught_up_with_without_a_reload(
    open_page: Callable[..., Page], board_url: str, product: Board, seed: Callable[..., str]
) -> None:
    path = seed("running")
    page = open_page()
    page.goto(board_url + path)
    connection = page.locator("#connection")
    expect(connection).to_have_text("live", timeout=15_000)
    page.evaluate("window.neverReloaded = true")
    product.kill("web", signal.SIGKILL)
    expect(connection).to_contain_text("reconnecting", timeout=15_000)
    add(product, path, 2)
    port = board_url.rsplit(":", 1)[1]
    command = [
        "-m",
        "uvicorn",
        "bo1site.asgi:application",
        "--port",
        port,
        "--log-level",
        "warning",
        "--lifespan",
        "off",
    ]
    product.start("web", command, BO1_ROLE="web")
    expect(page.locator(".card")).to_have_count(7, timeout=60_000)
    expect(connection).to_have_text("live", timeout=30_000)
    assert page.evaluate("window.neverReloaded")
