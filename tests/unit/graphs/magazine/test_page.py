from __future__ import annotations

import re
from datetime import date
from html.parser import HTMLParser
from io import BytesIO

import pytest
from PIL import Image

from fabula.documents.magazine import (
    Citation,
    LayoutParagraph,
    LayoutQuote,
    LayoutSection,
    MagazineLayout,
    Picture,
    SectionType,
)
from fabula.errors import GateFailed
from fabula.graphs.magazine.page import render_page
from fabula.graphs.magazine.templates import TEMPLATE_REGISTRY

EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"


def png(size: tuple[int, int] = (60, 40), colour: str = "#9a3b26") -> bytes:
    out = BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


def section(
    kind: SectionType,
    *,
    text: str = "본문입니다.",
    notes: tuple[int, ...] = (1,),
    picture: str | None = None,
    heading: str = "제목",
) -> LayoutSection:
    return LayoutSection(
        section_id=f"{kind}-id",
        type=kind,
        status="written",
        heading=heading,
        paragraphs=(LayoutParagraph(text=text, citations=notes),),
        picture=Picture(hash=picture, name=f"{picture}.png", alt="그림") if picture else None,
        reason=None,
    )


def source(number: int, url: str | None = None, **more: object) -> Citation:
    return Citation.model_validate(
        {
            "number": number,
            "post_id": f"p{number}",
            "title": f"글 {number}",
            "author": None,
            "url": url,
            "date": None,
            **more,
        }
    )


def article(**changes: object) -> MagazineLayout:
    return MagazineLayout.model_validate(
        {
            "title": "느린 가게들",
            "dek": "여섯 곳의 이야기",
            "angle": "각도",
            "template_id": "editorial-deep",
            "status": "complete",
            "date": None,
            "offline": False,
            "sections": (
                section("intro"),
                section("curation_card", notes=(1, 2)),
                section("closing"),
            ),
            "citations": (source(1, "https://example.com/a"), source(2)),
            **changes,
        }
    )


class Reader(HTMLParser):
    """Collects what a page consists of."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def read(layout: MagazineLayout, pictures: dict[str, bytes] | None = None) -> Reader:
    return Reader(render_page(layout, pictures or {}))


def test_page_is_korean_and_has_one_headline_and_its_landmarks() -> None:
    page = read(article())
    assert page.all("html")[0]["lang"] == "ko"
    assert [len(page.all(tag)) for tag in ("h1", "main", "article", "nav")] == [1, 1, 1, 1]
    assert len(page.all("footer")) == 1
    assert "script" not in {tag for tag, _ in page.tags}


def test_texts_from_outside_are_never_markup() -> None:
    layout = article(
        title=EVIL,
        dek=EVIL,
        sections=(section("intro", text=EVIL, heading=EVIL, picture="a"),),
        citations=(source(1, f"https://example.com/{EVIL}", title=EVIL, author=EVIL),),
    )
    picture = Picture(hash="a", name="a.png", alt=EVIL)
    layout = layout.model_copy(
        update={"sections": (layout.sections[0].model_copy(update={"picture": picture}),)}
    )
    page = read(layout, {"a": png()})
    assert "script" not in {tag for tag, _ in page.tags}
    assert not [attrs for _, attrs in page.tags if any(name.startswith("on") for name in attrs)]
    assert [image["alt"] for image in page.all("img")] == [EVIL]
    assert page.text.count("<script>alert(1)</script>") >= 6


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "//example.com/a",
        "file:///etc/passwd",
        "https://",
        "https://a b",
        "https://a\njavascript:alert(1)",
        'https://a"onclick="x',
    ],
)
def test_only_web_addresses_become_links(url: str) -> None:
    page = read(article(citations=(source(1, url), source(2))))
    assert all(link["href"].startswith("#") for link in page.all("a"))
    assert " ".join(url.split()) in page.text


def test_web_address_becomes_a_link_that_tells_nothing_about_the_reader() -> None:
    links = [a for a in read(article()).all("a") if not a["href"].startswith("#")]
    assert [link["href"] for link in links] == ["https://example.com/a"]
    assert {"noopener", "noreferrer"} <= set(links[0]["rel"].split())


def test_page_names_no_host_but_in_the_links_of_its_sources() -> None:
    html = render_page(
        article(sections=(section("intro", picture="a"), section("closing", notes=(2,)))),
        {"a": png()},
    )
    bare = re.sub(r"data:[\w/]+;base64,[\w+/=]+", "", html)
    bare = bare.replace('href="https://example.com/a"', "")
    assert re.findall(r"https?:|//[\w.]+", bare) == []
    loaded = [a[name] for _, a in Reader(html).tags for name in ("src", "srcset") if name in a]
    assert loaded
    assert all(address.startswith("data:image/") for address in loaded)
    assert "@import" not in html


def test_every_note_leads_to_its_source_and_back() -> None:
    page = read(article())
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    inner = [a["href"][1:] for a in page.all("a") if a["href"].startswith("#")]
    assert set(inner) <= set(ids)
    assert [i for i in inner if i.startswith("source-")] == [
        "source-1",
        "source-1",
        "source-2",
        "source-1",
    ]
    assert sorted(i for i in inner if i.startswith("note-")) == sorted(
        i for i in ids if i.startswith("note-")
    )


def test_note_without_a_source_is_a_broken_contract() -> None:
    with pytest.raises(GateFailed, match=r"sections\.0\.paragraphs\.0\.citations: got 7"):
        render_page(article(sections=(section("intro", notes=(7,)),)), {})


def test_equal_layouts_give_equal_pages() -> None:
    layout = article(sections=(section("intro", picture="a"), section("closing")))
    assert render_page(layout, {"a": png(), "b": png()}) == render_page(
        layout, {"b": png(), "a": png()}
    )


def test_picture_that_is_missing_or_broken_is_left_out() -> None:
    layout = article(
        sections=(section("spotlight", picture="a"), section("spotlight", picture="b"))
    )
    assert read(layout, {"a": b"<svg onload=alert(1)>"}).all("img") == []


def test_picture_is_inlined_with_its_own_type_and_size() -> None:
    out = BytesIO()
    Image.new("RGB", (30, 50)).save(out, "JPEG")
    page = read(article(sections=(section("spotlight", picture="a"),)), {"a": out.getvalue()})
    (image,) = page.all("img")
    assert image["src"].startswith("data:image/jpeg;base64,")
    assert (image["width"], image["height"], image["alt"]) == ("30", "50", "그림")


def test_cover_takes_the_picture_of_an_end_and_shows_it_once() -> None:
    layout = article(
        sections=(section("intro", picture="a"), section("spotlight", picture="b")),
    )
    html = render_page(layout, {"a": png(), "b": png((10, 10))})
    assert html.index("cover-picture") < html.index('width="60"')
    assert len(Reader(html).all("img")) == 2


def test_open_graph_points_to_the_thumbnail_beside_the_page() -> None:
    meta = {m["property"]: m["content"] for m in read(article()).all("meta") if "property" in m}
    assert meta["og:image"] == "thumbnail.png"
    assert "og:url" not in meta
    assert (meta["og:title"], meta["og:description"]) == ("느린 가게들", "여섯 곳의 이야기")


def test_date_is_printed_only_where_the_layout_has_one() -> None:
    assert read(article()).all("time") == []
    dated = read(article(date=date(2025, 3, 9)))
    assert [t["datetime"] for t in dated.all("time")] == ["2025-03-09"]
    assert "2025년 3월 9일" in dated.text


def test_badges_say_what_the_article_is() -> None:
    offline = "오프라인 모델이 만든 시연용 글 · 읽을거리로 내놓은 글이 아닙니다"
    assert offline in read(article(offline=True)).text
    assert offline not in read(article()).text
    degraded = "비워 둔 섹션이 있습니다"
    assert degraded in read(article(status="degraded")).text
    assert degraded not in read(article()).text


def test_placeholder_is_shown_quietly_with_its_reason_and_stays_out_of_the_contents() -> None:
    empty = LayoutSection(
        section_id="x",
        type="curation_card",
        status="placeholder",
        heading="쓰지 못한 제목",
        paragraphs=(),
        picture=None,
        reason="42자 <b>너무 짧음</b>",
    )
    page = read(article(sections=(section("intro"), empty, section("closing"))))
    assert "이 섹션은 검수를 통과하지 못해 비워 두었습니다" in page.text
    assert "42자 <b>너무 짧음</b>" in page.text
    assert "쓰지 못한 제목" not in page.text
    assert "#section-2" not in [a["href"] for a in page.all("a")]


def test_picks_are_numbered_without_the_empty_ones() -> None:
    html = render_page(
        article(sections=(section("intro"), section("curation_card"), section("spotlight"))), {}
    )
    assert re.findall(r'<p class="pick" aria-hidden="true">(\d+)</p>', html) == ["1", "2"]


@pytest.mark.parametrize(
    ("cards", "shares"),
    [
        (1, ["full"]),
        (2, ["half"] * 2),
        (3, ["third"] * 3),
        (4, ["half"] * 4),
        (5, ["half"] * 2 + ["third"] * 3),
        (7, ["half"] * 4 + ["third"] * 3),
    ],
)
def test_rows_of_cards_are_always_full(cards: int, shares: list[str]) -> None:
    page = read(article(sections=(section("intro"), *[section("curation_card")] * cards)))
    classes = [s["class"].split() for s in page.all("section") if "curation_card" in s["class"]]
    assert [names[2] for names in classes] == shares


def test_each_template_has_a_look_of_its_own_in_its_own_colours() -> None:
    pages = {name: render_page(article(template_id=name), {}) for name in TEMPLATE_REGISTRY}
    assert len(set(pages.values())) == len(TEMPLATE_REGISTRY)
    for name, spec in TEMPLATE_REGISTRY.items():
        assert f'class="{name}"' in pages[name]
        for role in ("paper", "ink", "accent"):
            assert f"--{role}:{getattr(spec.palette, role)};" in pages[name]


def test_unknown_template_is_shown_as_editorial_deep() -> None:
    assert read(article(template_id="../x")).all("html")[0]["class"] == "editorial-deep"


def test_control_characters_do_not_reach_the_page() -> None:
    html = render_page(article(sections=(section("intro", text="가\x00나\x1b다"),)), {})
    assert "가나다" in html


def quoted(text: str, *, author: str = "오후세시", citation: int = 1) -> LayoutSection:
    quote = LayoutQuote(text=text, author=author, citation=citation)
    return section("quote_pull", notes=(1,)).model_copy(update={"quote": quote})


def board(*hashes: str) -> LayoutSection:
    captions = tuple(
        LayoutParagraph(
            text=f"{number}번째 사진의 글입니다.",
            citations=(1,),
            picture=Picture(hash=hash_, name=f"{hash_}.png", alt=f"그림 {number}"),
        )
        for number, hash_ in enumerate(hashes, start=1)
    )
    return section("mood_board").model_copy(update={"paragraphs": captions})


@pytest.mark.parametrize("template", sorted(TEMPLATE_REGISTRY))
def test_a_quote_is_a_quotation_with_its_author_and_source(template: str) -> None:
    made = article(template_id=template, sections=(section("intro"), quoted("적힌 말이다.")))
    html = render_page(made, {})
    assert "<blockquote><p>“적힌 말이다.”</p></blockquote>" in html
    caption = re.search(r"<figcaption>(.*?)</figcaption>", html, re.DOTALL)
    assert caption is not None
    assert caption[1].startswith("오후세시")
    assert 'href="#source-1"' in caption[1]
    assert "note-1-quote-1" in html
    assert html.count('href="#note-1-quote-1"') == 1


def test_a_quote_has_no_number_of_its_own() -> None:
    sections = (section("spotlight"), quoted("말."), section("spotlight"), section("closing"))
    html = render_page(article(sections=sections), {})
    assert re.findall(r'<p class="pick"[^>]*>(\d+)</p>', html) == ["1", "2"]


def test_a_quote_stands_outside_the_contents() -> None:
    html = render_page(
        article(sections=(section("intro"), quoted("한 줄"), section("closing"))), {}
    )
    nav = html[html.index("<nav") : html.index("</nav>")]
    assert re.findall(r'class="to-(\w+)"', nav) == ["intro", "closing"]


@pytest.mark.parametrize(
    ("text", "initial"),
    [("이야기", True), ("「느린서가", False), ("“말", False), ("16편", False), ("LP를", False)],
)
def test_only_a_syllable_stands_as_a_drop_cap(text: str, *, initial: bool) -> None:
    html = render_page(article(sections=(section("intro", text=text), section("closing"))), {})
    intro = html[html.index('class="section intro') : html.index('class="section closing')]
    assert ('class="copy initial"' in intro) is initial


def test_a_quote_and_its_author_are_escaped() -> None:
    reader = Reader(render_page(article(sections=(quoted(EVIL, author=EVIL),)), {}))
    assert "script" not in [tag for tag, _ in reader.tags]


def test_a_quote_without_a_source_breaks_the_line() -> None:
    with pytest.raises(GateFailed, match=r"sections\.0\.quote"):
        render_page(article(sections=(quoted("말.", citation=9),)), {})


@pytest.mark.parametrize("template", sorted(TEMPLATE_REGISTRY))
def test_a_board_shows_each_picture_over_its_caption(template: str) -> None:
    made = article(template_id=template, sections=(section("intro"), board("a", "b", "c")))
    html = render_page(made, {"a": png(), "b": png(colour="#336699"), "c": png(colour="#993366")})
    assert 'class="board of-3"' in html
    found = re.findall(r'<li><figure><img src="data:[^"]+" alt="([^"]+)"', html)
    assert found == ["그림 1", "그림 2", "그림 3"]
    assert html.count("번째 사진의 글입니다.") == 3


def test_a_caption_whose_picture_is_missing_stands_alone() -> None:
    html = render_page(article(sections=(board("a", "b", "c"),)), {"a": png()})
    assert html.count("<li><figure><img") == 1
    assert html.count("<figcaption>") == 3


def test_the_body_is_cut_where_a_section_takes_the_whole_width() -> None:
    kinds: tuple[SectionType, ...] = ("intro", "curation_card", "curation_card")
    sections = (*map(section, kinds), board("a"), quoted("말."), section("closing"))
    html = render_page(article(sections=sections), {})
    assert re.findall(r'<div class="run of-(\d)">', html) == ["3", "1", "1", "1"]
