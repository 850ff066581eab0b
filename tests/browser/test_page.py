"""The page in a real browser: nothing sticks out, nothing is fetched, nothing is complained of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fabula.documents.magazine import MagazineLayout
from fabula.graphs.magazine.page import render_page
from fabula.media.gallery import GalleryItem, render_gallery
from fabula.media.images import Palette, draw_thumbnail
from tests.browser.looking import (
    BROKEN_PICTURES,
    LEAST_CONTRAST,
    SCHEMES,
    TEMPLATES,
    WIDTHS,
    Scheme,
    look,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
Article = Callable[..., MagazineLayout]


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
    chromium: Browser, tmp_path: Path, *, width: int, scheme: Scheme
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
