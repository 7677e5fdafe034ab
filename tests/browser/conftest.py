"""A real Chromium in front of a real product: web, worker and offline provider as processes of their own."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.conftest import chromium as find_chromium
from tests.live import Board, board

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: Console messages that say nothing about the page: Chromium reports every answer that is not a 2xx.
HARMLESS = ("Failed to load resource",)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    # Slow enough to be watched, quick enough to be waited for.
    with board(tmp_path_factory.mktemp("board"), latency="0.1-0.4") as running:
        running.add_user()
        yield running


@pytest.fixture
def board_url(product: Board) -> str:
    return product.url


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:  # per module: while it is open this thread has a running event loop
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser, board_url: str) -> Iterator[Callable[..., Page]]:
    """Open a page (signed in unless ``user=""``); options are those of a browser context. Any error fails the test."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def note(message: Any) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(HARMLESS):
            errors.append(message.text)

    def opened(user: str = "ada", **options: Any) -> Page:
        context = chromium.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(board_url + "/login/")
        if user:
            page.get_by_label("Name").fill(user)
            page.get_by_label("Password").fill("a-long-enough-secret")
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url(board_url + "/")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def seed(product: Board) -> Callable[..., str]:
    """Store a session of ``tests.factories`` in the product's database; returns its path."""

    def store(kind: str, owner: str = "ada") -> str:
        script = (
            "from django.contrib.auth import get_user_model as m; from tests import factories as f;"
            f"print(f.{kind}(m().objects.get(username={owner!r})).pk)"
        )
        return f"/sessions/{product.script(script).split()[-1]}/"

    return store
