"""RSS and Atom of any version: each entry as the post that it carries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from io import BytesIO
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from fabula.errors import MissingExtra
from fabula.graphs.magazine.intake.dates import read_date
from fabula.graphs.magazine.intake.encoding import Unreadable
from fabula.graphs.magazine.intake.front_matter import UNPUBLISHED
from fabula.graphs.magazine.intake.html import Image, Page, is_page, plain_text, read_html

_DECLARATION = re.compile(r"\A\s*<\?xml[^>]{0,200}\?>")
_ROOT = re.compile(r"<(?:[a-z]+:)?(?:rss|feed|rdf)[\s>]", re.IGNORECASE)
_HEAD = 4_096
_DATES = ("published", "updated", "created")


class Entry(NamedTuple):
    """One post of a feed; `name` is what its address calls it."""

    name: str
    title: str | None
    author: str | None
    url: str | None
    date: date | None
    page: Page
    images: tuple[Image, ...]
    draft: bool = False


class Feed(NamedTuple):
    """A feed's entries in its own order; `broken`: its XML had to be guessed at."""

    entries: tuple[Entry, ...]
    broken: bool


def is_feed(text: str) -> bool:
    """Say whether a text begins like RSS, RDF or Atom."""
    head = text[:_HEAD].lstrip()
    return head.startswith("<") and _ROOT.search(head) is not None


def read_feed(text: str, *, most: int) -> Feed:
    """Read at most `most` entries; Unreadable where this is no feed or has none."""
    try:
        import feedparser  # type: ignore[import-untyped]  # it ships no types
    except ImportError:
        raise MissingExtra("sources", "magazine") from None

    found = _ROOT.search(text)
    if not found:
        page = ". HTML 페이지입니다. 글이라면 이름을 .html로 바꿔 주세요" if is_page(text) else ""
        raise Unreadable(f"RSS나 Atom이 아닙니다{page}")
    # Feeds need no entities of their own; a few lines of them can fill the memory.
    if "<!entity" in text[: found.start()].lower():
        raise Unreadable("XML 개체(ENTITY)를 정의하는 피드는 읽지 않습니다")
    data = _DECLARATION.sub("", text).encode("utf-8", "replace")
    # A stream alone: a string could name a file or an address, which would be opened.
    parsed = feedparser.parse(
        BytesIO(data),
        response_headers={"content-type": "application/xml; charset=utf-8"},
        resolve_relative_uris=False,
        sanitize_html=False,
    )
    if not parsed.entries:
        raise Unreadable("피드에 글이 없습니다")
    author = _text(parsed.feed.get("author"))
    entries = tuple(_entry(one, author) for one in parsed.entries[:most])
    return Feed(entries, bool(parsed.bozo))


def _entry(given: Any, feed_author: str | None) -> Entry:
    url = _text(given.get("link"))
    title = _text(given.get("title"))
    html, kind = _body(given)
    page = Page(html) if kind == "text/plain" else read_html(html, whole=True)
    return Entry(
        name=_name(url or _text(given.get("id")) or ""),
        title=plain_text(title) if title else None,
        author=_text(given.get("author")) or feed_author,
        url=url,
        date=next((day for key in _DATES if (day := read_date(given.get(key)))), None),
        page=page,
        images=(*_attached(given), *page.images),
        draft=str(given.get("wp_status", "")).lower() in UNPUBLISHED,
    )


def _body(given: Any) -> tuple[str, str]:
    """Return the longest of what an entry carries: some put the whole text into the summary."""
    bodies = [*given.get("content", ()), given.get("summary_detail")]
    texts = [(str(one.get("value") or ""), str(one.get("type") or "")) for one in bodies if one]
    return max(texts, key=lambda one: len(one[0]), default=("", ""))


def _attached(given: Any) -> Iterator[Image]:
    named = [*given.get("media_content", ()), *given.get("enclosures", ())]
    for one in (*named, *given.get("media_thumbnail", ())):
        src = _text(one.get("url") or one.get("href"))
        kind = str(one.get("type") or one.get("medium") or "image")
        if src and kind.startswith("image"):
            yield Image(src)


def _name(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    # `index.php?pl=673` and `Article.asp?art=9` say in their query which post they mean.
    last = parts.query or parts.path.rstrip("/").rpartition("/")[2]
    return re.sub(r"\.(?:html?|php|aspx?|jsp)$", "", last, flags=re.IGNORECASE)


def _text(value: object) -> str | None:
    return " ".join(value.split()) or None if isinstance(value, str) else None
