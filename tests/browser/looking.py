"""One page opened in a browser, and what can be seen of it."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Scheme = Literal["light", "dark"]
TEMPLATES = ("editorial-deep", "shopping-guide", "pinterest-board")
WIDTHS = (390, 1440)
SCHEMES: tuple[Scheme, ...] = ("light", "dark")

# The smallest contrast of any text against the nearest background colour behind it.
LEAST_CONTRAST = """() => {
  const rgb = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = el => {
    for (; el; el = el.parentElement) {
      const colour = rgb(getComputedStyle(el).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  let least = 21;
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const el = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !el.getClientRects().length) continue;
    const [a, b] = [light(rgb(getComputedStyle(el).color)), light(behind(el))];
    least = Math.min(least, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
  }
  return least;
}"""
STICKING_OUT = """() => [...document.querySelectorAll('body *')]
  .filter(el => el.getClientRects().length && !el.closest('.cover-art, .skip'))
  .filter(el => el.getBoundingClientRect().right > innerWidth + 1
             || el.getBoundingClientRect().left < -1)
  .map(el => el.outerHTML.slice(0, 80))"""


BROKEN_PICTURES = "[...document.images].filter(i => !i.complete || !i.naturalWidth).length"


class Look:
    """One page opened at one width: what it asked for, complained of and how wide it became."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, path: Path) -> None:
        self.page.goto(path.as_uri())

    @property
    def fetched(self) -> list[str]:
        return [url for url in self.requests[1:] if not url.startswith("data:")]

    def assert_fits(self) -> None:
        assert self.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert self.page.evaluate(STICKING_OUT) == []


def look(browser: Browser, width: int, scheme: Scheme) -> Look:
    return Look(browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme))


def axe_findings(page: Page) -> list[str]:
    """Return what axe-core finds wrong, of any impact: rule, impact and the first place."""
    if not page.evaluate("'axe' in window"):
        script = files("axe_playwright_python") / "axe.min.js"
        page.evaluate(script.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = page.evaluate(
        "() => axe.run({resultTypes: ['violations']}).then(found => found.violations)"
    )
    return [f"{one['id']} ({one['impact']}): {one['nodes'][0]['html'][:120]}" for one in found]
