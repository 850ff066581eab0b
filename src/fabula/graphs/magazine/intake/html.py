"""HTML as a reader sees it: the post's words and pictures, and not what stands around them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import NamedTuple

from fabula.errors import MissingExtra
from fabula.graphs.magazine.intake.encoding import Unreadable

MOST = 4_000_000
_DEEPEST, _MOST_REPEATED = 2_000, 3_000_000
"""A tree is built for cleaning; deeper, or with more formats left open, it outgrows the file."""


def words(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


_DROPPED = words(
    "script style nav aside footer form button select option textarea noscript iframe svg "
    "math template object embed canvas dialog audio video map"
)
_BLOCKS = words(
    "address article blockquote body caption center dd details dir div dl dt fieldset "
    "figcaption figure h1 h2 h3 h4 h5 h6 header hgroup hr li main menu ol p pre section "
    "summary table tbody td tfoot th thead tr ul"
)
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_SHORTCODE = re.compile(
    r"\[embed\b[^\[\]\n]{0,300}\][^\[\]\n]{0,500}\[/embed\]"
    r"|\[/?(?:caption|gallery|playlist|audio|video|vc_\w+|et_pb_\w+)\b[^\[\]\n]{0,300}\]"
)
"""WordPress puts its own marks into a post's HTML."""
_VOID = frozenset(("br", "hr", "img", "meta", "link", "wbr"))
_KEPT = _BLOCKS | _VOID | {"title", "time", "a", "span"}
_ATTRIBUTES = {
    "*": {"class", "id", "hidden", "style", "role", "aria-hidden", "itemprop"},
    "img": {
        *("src", "alt", "width", "height", "srcset"),
        *("data-src", "data-lazy-src", "data-original", "data-lazy"),
    },
    "meta": {"name", "property", "content"},
    "link": {"rel", "href"},
    "time": {"datetime"},
}
_MAIN_TAGS = ("article", "main")
_MAIN_NAMES = words(
    "entry-content post-content article-content post-body article-body articlebody post-entry "
    "tt_article_useless_p_margin se-main-container contents_style article_view markdown-body "
    "e-content post_content article_content"
)
_ASIDE_NAMES = words(
    "comments comment comment-list commentlist comment-respond comments-area comment-area "
    "respond disqus_thread utterances giscus sidebar breadcrumb breadcrumbs related "
    "related-posts related_posts relatedposts jp-relatedposts sharedaddy share sns post-navigation "
    "pagination pager gnb lnb navbar site-header site-footer cookie cookie-banner newsletter "
    "advertisement adsbygoogle ads skip-link toc screen-reader-text visually-hidden sr-only "
    "another_category container_postbtn 댓글"
)
_ASIDE_ROLES = frozenset(
    ("navigation", "complementary", "search", "contentinfo", "dialog", "alert")
)
_UNSEEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])")
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)")
_FORMATS = words("a b big code em font i nobr s small strike strong tt u")
_LEFT_OPEN = words("p li dt dd tr td th option html head body tbody thead")
_MAIN_SHARE = 0.2
_TINY = 64
_PLACEHOLDER = 1_000
"""A picture that fits into so short an address holds a place until the real one is loaded."""
_BREAK = "\0"


class Image(NamedTuple):
    """A picture that a post shows: where it is, as written there, and its alternative text."""

    src: str
    alt: str | None = None


@dataclass(frozen=True)
class Page:
    """What a post says and shows; `meta` are its head's names, in lower case."""

    text: str
    heading: str | None = None
    """The first of its greatest headings."""
    images: tuple[Image, ...] = ()
    meta: dict[str, str] = field(default_factory=dict)


class _Block(NamedTuple):
    text: str
    tag: str
    main: bool


def is_page(source: str) -> bool:
    """Say whether a text begins like an HTML page."""
    head = source[:1_000].lstrip().lower()
    return head.startswith(("<!doctype html", "<html", "<head", "<body"))


def read_html(source: str, *, whole: bool = False) -> Page:
    """Clean HTML to text: a blank line between blocks, no script, menu, comment or hidden part.

    Where the page marks its article, that alone is taken; `whole` takes everything (a post's own
    HTML, as Markdown and feeds hold it). Unreadable where it is too large or too deep to be built.
    """
    reader = _Reader()
    reader.feed(_cleaned(_SHORTCODE.sub("", source)))
    reader.close()
    reader.flush()
    main = [one for one in reader.blocks if one.main]
    marked = sum(len(one.text) for one in main)
    only = not whole and marked > 0 and marked >= _MAIN_SHARE * _length(reader.blocks)
    blocks = main if only else reader.blocks
    greatest = min((one.tag for one in blocks if one.tag in _HEADINGS), default=None)
    return Page(
        text="\n\n".join(one.text for one in blocks),
        heading=next((" ".join(one.text.split()) for one in blocks if one.tag == greatest), None),
        images=tuple(image for image, inside in reader.images if inside or not only),
        meta=reader.meta,
    )


def plain_text(source: str) -> str:
    """Return a short piece of HTML, such as a feed's title, on one line."""
    return " ".join(read_html(source, whole=True).text.split())


def _length(blocks: list[_Block]) -> int:
    return sum(len(one.text) for one in blocks)


def _cleaned(source: str) -> str:
    try:
        import nh3
    except ImportError:
        raise MissingExtra("sources", "magazine") from None

    if len(source) > MOST:
        raise Unreadable(f"HTML이 {MOST // 1_000_000}백만 자를 넘습니다")
    _measure(source)
    return nh3.clean(
        source,
        tags=set(_KEPT),
        clean_content_tags=set(_DROPPED),
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        url_schemes={"http", "https", "data"},
        link_rel=None,
    )


def _measure(source: str) -> None:
    depth = deepest = opened = most_open = tags = 0
    formats: Counter[str] = Counter()
    for end, name in _TAG.findall(source):
        tag = name.lower()
        tags += 1
        step = -1 if end else 1
        if tag in _FORMATS:
            if formats[tag] + step >= 0:
                formats[tag] += step
                opened += step
            most_open = max(most_open, opened)
        if tag not in _VOID and tag not in _LEFT_OPEN:
            depth = max(0, depth + step)
            deepest = max(deepest, depth)
    if deepest > _DEEPEST or most_open * tags > _MOST_REPEATED:
        raise Unreadable("닫히지 않은 태그가 너무 많아 HTML을 읽지 않았습니다")


class _Reader(HTMLParser):
    """Read cleaned, well-formed HTML into blocks, pictures and the head's names."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[_Block] = []
        self.images: list[tuple[Image, bool]] = []
        self.meta: dict[str, str] = {}
        self._open: list[tuple[str, bool, bool]] = []
        """Each open tag: its name, whether it is passed over, whether it holds the article."""
        self._skipped = self._main = self._pre = 0
        self._parts: list[str] = []
        self._title: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in _VOID:
            self._void(tag, given)
            return
        if tag in ("td", "th") and "".join(self._parts).strip():
            self._parts.append(" · ")
        elif tag in _BLOCKS:
            self.flush()
        passed, main = _is_aside(given), _is_main(tag, given)
        self._open.append((tag, passed, main))
        self._skipped += passed
        self._main += main
        self._pre += tag == "pre"
        if tag == "title" and "title" not in self.meta:
            self._title = []
        if tag == "time" and given.get("datetime"):
            self.meta.setdefault("time", given["datetime"])

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID or not self._open:
            return
        if tag in _BLOCKS and tag not in ("td", "th"):
            self.flush(tag)
        name, passed, main = self._open.pop()
        self._skipped -= passed
        self._main -= main
        self._pre -= name == "pre"
        if tag == "title" and self._title is not None:
            self.meta["title"] = " ".join("".join(self._title).split())
            self._title = None

    def handle_data(self, data: str) -> None:
        if self._title is not None:
            self._title.append(data)
        elif not self._skipped and not any(name == "title" for name, _, _ in self._open[-1:]):
            self._parts.append(data.replace("\n", _BREAK) if self._pre else data)

    def flush(self, tag: str = "") -> None:
        """End a block: an empty line inside it, as two breaks write it, ends one as well."""
        lines = "".join(self._parts).split(_BREAK)
        self._parts.clear()
        shown = [line.rstrip() if self._pre else " ".join(line.split()) for line in lines]
        for text in re.split(r"\n{2,}", "\n".join(shown)):
            if text.strip():
                block = text.strip("\n") if self._pre else text.strip()
                self.blocks.append(_Block(block, tag, self._main > 0))

    def _void(self, tag: str, given: dict[str, str]) -> None:
        if tag == "meta":
            name = (given.get("property") or given.get("name") or given.get("itemprop", "")).lower()
            if name and given.get("content"):
                self.meta.setdefault(name, " ".join(given["content"].split()))
        elif tag == "link" and given.get("rel", "").lower() == "canonical":
            self.meta.setdefault("canonical", given.get("href", ""))
        elif tag == "br":
            self._parts.append(_BREAK)
        elif tag == "hr":
            self.flush()
        elif tag == "img" and not self._skipped and (image := _image(given)):
            self.images.append((image, self._main > 0))


def _is_aside(given: dict[str, str]) -> bool:
    words = f"{given.get('class', '')} {given.get('id', '')}".lower().split()
    return (
        "hidden" in given
        or given.get("aria-hidden") == "true"
        or given.get("role", "") in _ASIDE_ROLES
        or _UNSEEN.search(given.get("style", "").lower()) is not None
        or not _ASIDE_NAMES.isdisjoint(words)
    )


def _is_main(tag: str, given: dict[str, str]) -> bool:
    if tag in _MAIN_TAGS or given.get("itemprop", "").lower() == "articlebody":
        return True
    return not _MAIN_NAMES.isdisjoint(given.get("class", "").lower().split())


def _image(given: dict[str, str]) -> Image | None:
    """Return a picture worth a look: icons, counters and the like are small by their own word."""
    sizes = [given.get(name, "").removesuffix("px") for name in ("width", "height")]
    if any(size.isdecimal() and int(size[:6]) < _TINY for size in sizes):
        return None
    lazy = ("data-src", "data-lazy-src", "data-original", "data-lazy", "src")
    src = next((given[name].strip() for name in lazy if given.get(name, "").strip()), "")
    src = src or (given.get("srcset", "").split() or [""])[0].rstrip(",")
    if not src or (src.startswith("data:") and len(src) < _PLACEHOLDER):
        return None
    return Image(src, " ".join(given.get("alt", "").split()) or None)
