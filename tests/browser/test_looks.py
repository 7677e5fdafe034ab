"""Every page in light and dark, on a desk and in a hand: nothing overflows, everything can be read."""

import itertools
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looking import CONTRAST
from tests.live import Board, board

pytestmark = [pytest.mark.browser, pytest.mark.slow]

STATES = ["finished", "running", "failed", "waiting", "paused", "queued", "killed", "draft"]


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    """Without a worker: no session may move on while it is looked at."""
    with board(tmp_path_factory.mktemp("board"), worker=False) as running:
        running.add_user()
        yield running


@pytest.fixture(scope="module")
def paths(product: Board) -> dict[str, str]:
    """One session in every state, and the pages around them."""
    script = (
        "from django.contrib.auth import get_user_model as m; from tests import factories as f;"
        "u = m().objects.get(username='ada')\n"
        f"for kind in {STATES}: print(kind, getattr(f, kind)(u).pk)"
    )
    lines = product.script(script).splitlines()
    found = {kind: f"/sessions/{pk}/" for kind, pk in (line.split() for line in lines if line.count("-") == 4)}
    return {
        **found,
        "report": found["finished"] + "report/",
        "list": "/",
        "empty search": "/?q=nothing+of+the+kind",
        "new": "/new/",
        "example": "/new/?example=1",
        "missing": "/nowhere/",
    }


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 390), ("light", 1024), ("dark", 1440)])
def test_pages_fit_their_window_and_their_text_has_contrast(
    open_page: Callable[..., Page], board_url: str, paths: dict[str, str], scheme: str, width: int
) -> None:
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 900}, reduced_motion="reduce")
    problems = []
    for name, path in paths.items():
        page.goto(board_url + path)
        for fold in page.locator("details").all():
            fold.evaluate("fold => { fold.open = true }")
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            problems.append(f"{name} is wider than its window")
        problems += [f"{name}: {poor}" for poor in page.evaluate(CONTRAST)]
        if folder := os.environ.get("SCREENSHOTS"):
            page.screenshot(path=Path(folder) / f"{name}-{scheme}-{width}.png", full_page=True)
    assert problems == []


def test_the_sign_in_page_fits_a_hand(open_page: Callable[..., Page]) -> None:
    page = open_page(user="", viewport={"width": 390, "height": 700})
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    expect(page.get_by_label("Name")).to_be_focused()


def test_a_memo_of_usual_length_prints_on_one_page(
    open_page: Callable[..., Page], board_url: str, paths: dict[str, str]
) -> None:
    page = open_page()
    page.goto(board_url + paths["report"])
    pdf = page.pdf(format="A4", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1


def test_everything_can_be_done_with_the_keyboard(
    open_page: Callable[..., Page], board_url: str, paths: dict[str, str]
) -> None:
    page = open_page()
    page.goto(board_url + paths["running"])
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()
    seen = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.add(
            page.evaluate(
                "() => { const at = document.activeElement; const style = getComputedStyle(at);"
                " return [at.localName, style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2].join() }"
            )
        )
    assert {"summary,true", "textarea,true", "button,true", "a,true"} <= seen
    assert not [place for place in seen if place.endswith("false") and not place.startswith("body")]


def test_every_page_has_one_main_heading_and_labels_for_its_fields(
    open_page: Callable[..., Page], board_url: str, paths: dict[str, str]
) -> None:
    page = open_page()
    for name, path in paths.items():
        page.goto(board_url + path)
        assert page.locator("h1").count() == 1, name
        bare = page.evaluate(
            "() => [...document.querySelectorAll('input:not([type=hidden]), textarea, select')]"
            ".filter(field => !field.labels.length).map(field => field.name)"
        )
        assert bare == [], name
        levels = page.evaluate("() => [...document.querySelectorAll('h1,h2,h3,h4')].map(h => Number(h.localName[1]))")
        assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(levels)), (name, levels)
