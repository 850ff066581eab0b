"""A post made of what a file or a feed's entry says: title, id and text found where they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fabula.documents import content_hash
from fabula.documents.magazine import ProblemKind
from fabula.graphs.magazine.intake.dates import read_date
from fabula.graphs.magazine.intake.encoding import tidy
from fabula.graphs.magazine.intake.feeds import Entry
from fabula.graphs.magazine.intake.front_matter import Fields, Split, read_fields, split
from fabula.graphs.magazine.intake.html import Image, Page, read_html
from fabula.graphs.magazine.intake.markdown import read_markdown
from fabula.graphs.magazine.templates import HOUSE_RULES

MAX_TITLE = 200
MAX_ID = 80
MAX_FAILURE = 60
_ADDRESS = re.compile(r"https?://\S+")
_BUNDLES = ("index", "_index", "readme", "post", "article", "content")
"""Files that are called after what they are; the post's name is its folder's."""
UNSHOWN = "초안이거나 비공개인 글입니다(draft, private, published: false, _drafts)"


@dataclass(frozen=True)
class Draft:
    """A post's fields before they are checked, the pictures of its text, and what was wrong."""

    post: Mapping[str, Any]
    images: tuple[Image, ...] = ()
    faults: tuple[tuple[ProblemKind, str], ...] = ()
    refusal: str | None = None
    """Why the post is not to be used at all."""


def draft_of(text: str, kind: Literal["markdown", "html", "text"] | str, path: Path) -> Draft:
    """Make a post of a file's text; Unreadable where it cannot be taken apart.

    Its title is the one that is named, else its first heading, else its head's, else the file's.
    """
    above = Split({}, text) if kind == "html" and not text.startswith("---") else split(text)
    fields = read_fields(above.keys)
    if fields.draft:
        return Draft({}, refusal=UNSHOWN)
    page = _page(above.body, kind, path.name)
    if (kind == "html" or "title" in page.meta) and (failure := error_page(page)):
        return Draft({}, refusal=f"글이 아니라 오류 페이지입니다({failure})")
    faults: list[tuple[ProblemKind, str]] = [("date_refused", one) for one in fields.faults]
    if above.fault:
        reason = f"앞머리가 잘못되어 읽히는 줄만 읽었습니다: {above.fault}"
        faults.insert(0, ("front_matter_repaired", reason))
    return _draft(_completed(fields, page), page, name=_name(path), faults=tuple(faults))


def entry_draft(entry: Entry) -> Draft:
    """Make a post of a feed's entry."""
    if entry.draft:
        return Draft({}, refusal=UNSHOWN)
    fields = Fields(title=entry.title, author=entry.author, url=entry.url, date=entry.date)
    page = Page(entry.page.text, entry.page.heading, entry.images)
    name = entry.name or entry.title or entry.page.text[:100]
    return _draft(fields, page, name=name, faults=())


def id_of(name: str) -> str:
    """Make an id of any name: what an id may not hold becomes a hyphen, of nothing a hash."""
    made = re.sub(r"[^A-Za-z0-9가-힣._-]+", "-", tidy(name)).strip("-._")[:MAX_ID].rstrip("-._")
    return made or f"post-{content_hash(name)[:8]}"


def error_page(page: Page) -> str | None:
    """Return what a page says where it is a server's refusal and no post: 404 Not Found."""
    rules = HOUSE_RULES.posts.error_pages
    if sum(map(str.isalnum, page.text)) > rules.most_letters:
        return None
    first = page.text.partition("\n")[0]
    for said in (page.meta.get("title"), page.heading, first):
        if said and any(re.search(one, said.strip(), re.IGNORECASE) for one in rules.says):
            return _short(said)[:MAX_FAILURE]
    return None


def _page(body: str, kind: str, name: str) -> Page:
    if kind == "html":
        return read_html(body)
    if kind == "markdown":
        return read_markdown(body, name=name.lower())
    lines = (" ".join(line.split()) for line in body.splitlines())
    return Page(re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip())


def _completed(fields: Fields, page: Page) -> Fields:
    """Fill what the front matter leaves open from the head of an HTML page."""
    meta = read_fields(page.meta)
    canonical = page.meta.get("canonical", "")
    # A page's <title> names the site as well; a heading inside the post does not.
    titles = (fields.title, page.meta.get("og:title"), page.heading, page.meta.get("title"))
    web = canonical if canonical.startswith(("https://", "http://")) else None
    return Fields(
        id=fields.id,
        title=next((one for one in titles if one), None),
        author=fields.author or meta.author,
        url=fields.url or web or meta.url,
        date=fields.date or meta.date or read_date(page.meta.get("time")),
        image=fields.image or meta.image,
        image_alt=fields.image_alt or (meta.image_alt if not fields.image else None),
        tags=fields.tags,
    )


def _draft(
    fields: Fields, page: Page, *, name: str, faults: tuple[tuple[ProblemKind, str], ...]
) -> Draft:
    title = _short(tidy(fields.title or page.heading or "") or tidy(name) or "제목 없음")
    text = tidy(_without_title(page.text, title))
    if not text:
        shows = " 그림만 있습니다" if page.images else ""
        return Draft({}, refusal=f"글이 없습니다.{shows}".strip())
    if (letters := sum(map(str.isalnum, _ADDRESS.sub("", text)))) < HOUSE_RULES.posts.least_letters:
        least = HOUSE_RULES.posts.least_letters
        return Draft(
            {},
            refusal=f"글이 너무 짧습니다. 글자와 숫자가 {letters}자인데 {least}자는 있어야 합니다",
        )
    first = page.images[0] if page.images else None
    alt = fields.image_alt or (first.alt if first and first.src == fields.image else None)
    post = {
        "id": id_of(fields.id or name),
        "title": title,
        "text": text,
        "author": _short(tidy(fields.author)) if fields.author else None,
        "url": fields.url,
        "date": fields.date,
        "image": fields.image,
        "image_alt": tidy(alt) if alt else None,
        "tags": tuple(tidy(tag) for tag in fields.tags),
    }
    others = tuple(image for image in page.images if image.src != fields.image)
    return Draft(post, others, faults)


def _without_title(text: str, title: str) -> str:
    """Take the title off a text that begins with it as a heading."""
    first, _, rest = text.partition("\n\n")
    return rest if rest and _short(tidy(" ".join(first.split()))) == title else text


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= MAX_TITLE else text[: MAX_TITLE - 1].rstrip() + "…"


def _name(path: Path) -> str:
    stem = tidy(path.stem)
    return tidy(path.parent.name) if stem.lower() in _BUNDLES and path.parent.name else stem
