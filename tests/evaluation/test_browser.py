"""The report's page in a real Chromium: light and dark, on a desk and in a hand."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from sessions.evaluation import report
from tests.browser.conftest import ARGUMENTS
from tests.browser.looking import CONTRAST
from tests.conftest import chromium as find_chromium
from tests.evaluation.test_report import told

pytestmark = [pytest.mark.browser, pytest.mark.slow]

#: Lettering of the plots against the page: lightness of both as the eye weighs it.
DRAWN = """
() => {
  const channel = value => (value /= 255) <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = text => { const [r, g, b] = text.match(/[\\d.]+/g).map(Number);
    return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b); };
  const ground = light(getComputedStyle(document.querySelector("figure")).backgroundColor);
  return [...document.querySelectorAll("svg text")].filter(text => {
    const [a, b] = [light(getComputedStyle(text).fill), ground].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05) < 4.5;
  }).map(text => text.textContent);
}
"""
#: Lettering that leaves its plot.
CUT = """
() => [...document.querySelectorAll("svg")].flatMap(svg => {
  const box = svg.getBoundingClientRect();
  return [...svg.querySelectorAll("text")].filter(text => {
    const inner = text.getBoundingClientRect();
    return inner.left < box.left - 1 || inner.right > box.right + 1 || inner.bottom > box.bottom + 1
      || inner.top < box.top - 1;
  }).map(text => text.textContent);
})
"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_report_can_be_read(chromium: Browser, tmp_path: Path, scheme: str, width: int) -> None:
    report.write(told(offline=True), tmp_path)
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: errors.append(request.url) if not request.url.startswith("file:") else None)
    page.goto((tmp_path / "report.html").as_uri())
    assert page.locator("svg").count() == 4
    assert page.get_by_text("knows nothing").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (
        "tables scroll, the page does not"
    )
    assert page.evaluate(CONTRAST) == []
    assert page.evaluate(DRAWN) == []
    assert page.evaluate(CUT) == []
    context.close()
    assert errors == []
