from __future__ import annotations

import re

import pytest

from fabula.errors import BadInput, MissingExtra
from fabula.media import gallery
from fabula.media.gallery import GalleryItem, render_gallery

ITEM = GalleryItem(
    "magazine",
    "느린 가게들",
    "메모",
    "magazine/index.html",
    "magazine/thumbnail.png",
    (("비용", "0"),),
)


def test_shows_every_item_under_its_product_in_order() -> None:
    html = render_gallery(
        [ITEM, GalleryItem("novel", "시계탑", "", "n/"), GalleryItem("magazine", "둘째", "", "b/")]
    )
    found = re.findall(r'<h2 id="shelf-\d">(\S+) <span>(\d)편|<h3><a href="([^"]+)">', html)
    assert [a or c for a, _, c in found] == ["매거진", "magazine/index.html", "b/", "웹소설", "n/"]
    assert "<dt>비용</dt><dd>0</dd>" in html


def test_what_it_is_given_is_text_and_never_markup() -> None:
    evil = '"><script>alert(1)</script>'
    html = render_gallery([GalleryItem(evil, evil, evil, "a/index.html", None, ((evil, evil),))])
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 5


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "https://example.com/",
        "//example.com/a",
        "/etc/passwd",
        "\\\\host\\a",
        "java\nscript:alert(1)",
        " javascript:alert(1)",
        "",
    ],
)
def test_address_that_is_not_relative_is_refused_by_field(address: str) -> None:
    with pytest.raises(BadInput, match=r"^items\.1\.href"):
        render_gallery([ITEM, GalleryItem("magazine", "t", "", address)])
    with pytest.raises(BadInput, match=r"^items\.0\.thumbnail"):
        render_gallery([GalleryItem("magazine", "t", "", "a/", address)])


def test_empty_gallery_says_so() -> None:
    assert "아직 만든 것이 없습니다" in render_gallery([])


def test_same_items_give_the_same_page_that_asks_no_host() -> None:
    html = render_gallery([ITEM])
    assert html == render_gallery([ITEM])
    assert not re.search(r"https?://", html)


def test_gallery_works_where_no_font_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(text: str) -> str:
        raise MissingExtra("font", "media")

    monkeypatch.setattr(gallery, "font_faces", missing)
    html = render_gallery([ITEM])
    assert "느린 가게들" in html
    assert "@font-face" not in html
