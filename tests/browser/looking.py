"""Looking at a page: nothing wider than its window, every text readable, and a picture where somebody wants one."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from playwright.sync_api import Page

#: Light and dark, on a desk and in a hand.
LOOKS = (("light", 1440), ("dark", 1440), ("light", 390), ("dark", 390))

#: Every text on the page with the contrast of its colour against what lies under it.
CONTRAST = """
() => {
  const channel = value => (value /= 255) <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const under = element => {
    for (let at = element; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const style = getComputedStyle(element);
    const text = walker.currentNode.data.trim();
    if (!text || !element.checkVisibility() || element.closest("script, noscript, svg")) continue;
    const [a, b] = [light(parse(style.color)), light(under(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) poor.push(`${ratio.toFixed(2)} ${element.className}: ${text}`);
  }
  return poor;
}
"""


def looked_at(page: Page, name: str, looks: Iterable[tuple[str, int]] = LOOKS) -> None:
    """Check the page in every look, and keep pictures; afterwards it is wide and light again."""
    problems = []
    for scheme, width in shot(page, name, looks):
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            problems.append(f"{name} is wider than {width}")
        problems += [f"{name}, {scheme}: {poor}" for poor in page.evaluate(CONTRAST)]
    assert problems == [], "\n".join(problems)


def shot(page: Page, name: str, looks: Iterable[tuple[str, int]] = LOOKS) -> Iterator[tuple[str, int]]:
    """Every look in turn, while the page has it. ``SCREENSHOTS`` names a folder for pictures."""
    for scheme, width in looks:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 900})
        if folder := os.environ.get("SCREENSHOTS"):
            page.screenshot(path=Path(folder) / f"{name}-{scheme}-{width}.png", full_page=True)
        yield scheme, width
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1440, "height": 900})
