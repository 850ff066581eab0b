"""The page in a real browser: nothing sticks out, nothing is fetched, nothing is complained of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from fabula.documents.magazine import MagazineLayout
from fabula.graphs.magazine.page import render_page
from fabula.media.gallery import GalleryItem, render_gallery
from fabula.media.images import Palette, draw_thumbnail

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
TEMPLATES = ("editorial-deep", "shopping-guide", "pinterest-board")
WIDTHS = (390, 1440)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
Article = Callable[..., MagazineLayout]

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


def look(browser: Browser, width: int, scheme: Literal["light", "dark"]) -> Look:
    return Look(browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme))


@pytest.mark.parametrize("kind", ["pictured", "plain", "hard"])
@pytest.mark.parametrize("template_id", TEMPLATES)
def test_page_fits_its_window_and_stands_alone(
    chromium: Browser,
    tmp_path: Path,
    article: Article,
    pictures: Mapping[str, bytes],
    *,
    template_id: str,
    kind: str,
) -> None:
    layout = article(template_id, pictures=kind != "plain", hard=kind == "hard")
    path = tmp_path / "index.html"
    path.write_text(render_page(layout, pictures), encoding="utf-8")
    for width in WIDTHS:
        for scheme in SCHEMES:
            seen = look(chromium, width, scheme)
            seen.open(path)
            seen.assert_fits()
            assert seen.fetched == []
            assert seen.complaints == []
            assert seen.page.evaluate(LEAST_CONTRAST) >= 4.5
            assert seen.page.evaluate(BROKEN_PICTURES) == 0
            assert seen.page.locator("img").count() == (0 if kind == "plain" else 6)
            seen.page.close()


def test_dark_scheme_and_templates_differ_at_a_glance(
    chromium: Browser, tmp_path: Path, article: Article, pictures: Mapping[str, bytes]
) -> None:
    papers = set()
    for template_id in TEMPLATES:
        path = tmp_path / f"{template_id}.html"
        path.write_text(render_page(article(template_id), pictures), encoding="utf-8")
        for scheme in SCHEMES:
            seen = look(chromium, 1440, scheme)
            seen.open(path)
            papers.add(seen.page.evaluate("getComputedStyle(document.body).backgroundColor"))
            seen.page.close()
    assert len(papers) == len(TEMPLATES) * len(SCHEMES)


def test_keyboard_reaches_the_text_first_and_a_note_leads_to_its_source_and_back(
    chromium: Browser, tmp_path: Path, article: Article, pictures: Mapping[str, bytes]
) -> None:
    path = tmp_path / "index.html"
    path.write_text(render_page(article("editorial-deep"), pictures), encoding="utf-8")
    seen = look(chromium, 390, "light")
    seen.page.emulate_media(reduced_motion="reduce")
    seen.open(path)
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("document.activeElement.className") == "skip"
    assert seen.page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0

    seen.page.locator(".notes a").first.click()
    assert seen.page.evaluate("document.querySelector(':target').tagName") == "LI"
    note = seen.page.locator(".notes a").first.get_attribute("id")
    seen.page.locator("li:target .back a").first.click()
    assert seen.page.evaluate("document.querySelector(':target').id") == note
    seen.page.close()


def test_still_page_where_motion_is_unwanted(
    chromium: Browser, tmp_path: Path, article: Article
) -> None:
    path = tmp_path / "index.html"
    path.write_text(render_page(article("editorial-deep"), {}), encoding="utf-8")
    page = chromium.new_page(reduced_motion="reduce")
    page.goto(path.as_uri())
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
    page.close()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_gallery_shows_its_thumbnails_and_fits(
    chromium: Browser, tmp_path: Path, *, width: int, scheme: Literal["light", "dark"]
) -> None:
    palette = Palette("#f7f3ea", "#1f1c18", "#9a3b26")
    thumbnail = draw_thumbnail(title="느린 가게들", kicker="에디토리얼", palette=palette)
    (tmp_path / "thumbnail.png").write_bytes(thumbnail)
    items = [
        GalleryItem("magazine", "느린 가게들", "메모", "a/index.html", "thumbnail.png"),
        GalleryItem("magazine", "가" * 300, "A" * 400, "b/index.html", None, (("비용", "9" * 90),)),
        GalleryItem("novel", "재의 시계탑", "", "c/index.html"),
    ]
    path = tmp_path / "index.html"
    path.write_text(render_gallery(items), encoding="utf-8")
    seen = look(chromium, width, scheme)
    seen.open(path)
    seen.assert_fits()
    assert seen.fetched == [(tmp_path / "thumbnail.png").as_uri()]
    assert seen.complaints == []
    assert seen.page.evaluate("document.images[0].naturalWidth") == 1200
    assert seen.page.evaluate(LEAST_CONTRAST) >= 4.5
    seen.page.close()
