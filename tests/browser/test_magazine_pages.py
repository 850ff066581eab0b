"""The pages of real runs, both modes in every template: accessible, alone, still, and on paper."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from fabula.documents.magazine import MagazineLayout, Mode
from fabula.media.pictures import open_picture
from fabula.runs import Runner
from fabula.settings import Settings
from tests.browser.looking import LEAST_CONTRAST, SCHEMES, WIDTHS, Look, axe_findings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
POSTS = Path(__file__).parents[2] / "examples" / "magazine" / "posts"
ANGLES = {
    "editorial-deep": "가을, 동네 골목에서 하루를 보내는 법을 깊이 들여다본다",
    "shopping-guide": "3만 원 안에서 고르는 가을 선물, 가격과 조건을 비교한다",
    "pinterest-board": "가을 무드보드: 색감과 분위기로 모은 아이디어",
}
MODES: tuple[Mode, ...] = ("single_call", "multi_stage")

MOVING = """() => [...document.querySelectorAll('*')].filter(el => {
  const style = getComputedStyle(el);
  return style.animationName !== 'none' || style.scrollBehavior !== 'auto'
    || style.transitionDuration.split(',').some(time => parseFloat(time) > 0);
}).map(el => el.tagName + '.' + el.className)"""
HIDDEN_ON_PAPER = ".skip, .contents, .back, .on-screen, .cover-art, details"
# What a sheet shows of colour behind text: a browser prints no backgrounds unless told to.
COLOURED = """() => [...document.querySelectorAll('body, body *')]
  .filter(el => el.getClientRects().length && !el.closest('figure'))
  .map(el => getComputedStyle(el).backgroundColor)
  .filter(colour => !['rgba(0, 0, 0, 0)', 'rgb(255, 255, 255)'].includes(colour))"""
BREAKS = """() => ['h1', '.section h2', '.section > figure', '.quote', '.sources li']
  .flatMap(which => [...document.querySelectorAll(which)])
  .filter(el => {
    const style = getComputedStyle(el);
    return style.breakInside !== 'avoid' && style.breakAfter !== 'avoid';
  }).map(el => el.tagName + '.' + el.className)"""


class Article(NamedTuple):
    """A published magazine: its folder and what its page was made from."""

    folder: Path
    layout: MagazineLayout


@pytest.fixture(scope="module")
def articles(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[Mode, str], Article]:
    home = tmp_path_factory.mktemp("magazines")

    async def publish() -> None:
        runner = Runner(Settings(home=home / "home"))
        for mode in MODES:
            for template, angle in ANGLES.items():
                brief = {"angle": angle, "sources": str(POSTS)}
                out = home / mode / template
                result = await runner.run("magazine", brief, flags={"mode": mode}, out=out)
                assert result.outcome == "complete"

    # In a thread of its own: Playwright keeps a loop running in this one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, publish()).result()
    return {
        (mode, template): _article(home / mode / template) for mode in MODES for template in ANGLES
    }


def _article(folder: Path) -> Article:
    layout = MagazineLayout.model_validate_json((folder / "layout.json").read_bytes())
    return Article(folder, layout)


@pytest.fixture(
    scope="module",
    params=[(mode, template) for mode in MODES for template in ANGLES],
    ids="-".join,
)
def article(request: pytest.FixtureRequest, articles: dict[tuple[Mode, str], Article]) -> Article:
    found = articles[request.param]
    assert found.layout.template_id == request.param[1]
    return found


@pytest.fixture(scope="module")
def opened(chromium: Browser, article: Article) -> Iterator[Look]:
    page = chromium.new_page()
    found = Look(page)
    found.open(article.folder / "index.html")
    yield found
    page.close()


@pytest.fixture
def seen(opened: Look) -> Look:
    """Look at the page as it was opened: motion is off, so that no colour is on its way."""
    opened.page.set_viewport_size({"width": 1440, "height": 900})
    opened.page.emulate_media(media="screen", color_scheme="light", reduced_motion="reduce")
    return opened


def test_axe_finds_nothing_and_the_page_fits_in_each_width_and_scheme(seen: Look) -> None:
    for width in WIDTHS:
        seen.page.set_viewport_size({"width": width, "height": 900})
        for scheme in SCHEMES:
            seen.page.emulate_media(color_scheme=scheme)
            assert axe_findings(seen.page) == []
            assert seen.page.evaluate(LEAST_CONTRAST) >= 4.5
        seen.assert_fits()
    assert seen.fetched == []
    assert seen.complaints == []


def test_a_reader_who_wants_no_motion_sees_none(seen: Look) -> None:
    assert seen.page.evaluate(MOVING) == []
    seen.page.emulate_media(reduced_motion="no-preference")
    assert "HTML." in " ".join(seen.page.evaluate(MOVING))


def test_every_picture_says_what_it_shows_and_the_card_is_the_thumbnail(
    seen: Look, article: Article
) -> None:
    alts = seen.page.eval_on_selector_all("img", "all => all.map(img => img.alt)")
    assert len(alts) == len(article.layout.pictures)
    assert all(len(alt) > 4 for alt in alts)
    assert set(alts) == {picture.alt for picture in article.layout.pictures}

    card = {
        name: seen.page.get_attribute(f'meta[property="og:{name}"]', "content") or ""
        for name in ("image", "image:width", "image:height", "image:alt", "title")
    }
    _, width, height = open_picture((article.folder / card["image"]).read_bytes())
    assert (card["image:width"], card["image:height"]) == (str(width), str(height))
    assert card["image:alt"] == card["title"] == article.layout.title


def test_on_paper_ink_stands_on_white_without_what_only_a_screen_can_do(
    seen: Look, article: Article
) -> None:
    page = seen.page
    page.set_viewport_size({"width": 680, "height": 960})
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate(COLOURED) == []
    assert page.evaluate(LEAST_CONTRAST) >= 4.5
    shown = page.locator(HIDDEN_ON_PAPER).evaluate_all(
        "all => all.filter(el => el.getClientRects().length).map(el => el.outerHTML.slice(0, 80))"
    )
    assert shown == []
    assert page.evaluate(BREAKS) == []
    seen.assert_fits()
    for section in article.layout.sections:
        assert page.get_by_role("heading", name=section.heading, exact=True).is_visible()
    sheets = len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4", print_background=True)))
    assert 2 <= sheets <= 6


def test_a_template_looks_the_same_in_both_modes_and_like_no_other(
    chromium: Browser, articles: dict[tuple[Mode, str], Article]
) -> None:
    looks: dict[str, set[tuple[str, ...]]] = {}
    page = chromium.new_page()
    for (_, template), article in articles.items():
        page.goto((article.folder / "index.html").as_uri())
        look = page.evaluate(
            """() => [getComputedStyle(document.body).backgroundColor,
              getComputedStyle(document.querySelector('.brand span')).color,
              getComputedStyle(document.querySelector('.copy')).fontSize,
              getComputedStyle(document.querySelector('.section h2')).fontSize]"""
        )
        looks.setdefault(template, set()).add(tuple(look))
    page.close()
    assert [len(found) for found in looks.values()] == [1, 1, 1]
    assert len(set.union(*looks.values())) == len(ANGLES)
