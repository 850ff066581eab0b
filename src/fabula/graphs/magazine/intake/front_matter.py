"""What stands above a post's text: YAML, TOML, JSON or bare lines, under any blog's names."""

from __future__ import annotations

import json
import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from fabula.errors import BadInput
from fabula.graphs.magazine.intake.dates import read_date
from fabula.korean.particles import attach
from fabula.settings import parse_yaml

MOST = 65_536
"""Longer than this it is no front matter: YAML takes long to read."""
_YAML = re.compile(r"\A\s*---[ \t]*\n(.*?\n)??(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_TOML = re.compile(r"\A\s*\+\+\+[ \t]*\n(.*?\n)??\+\+\+[ \t]*(?:\n|\Z)", re.DOTALL)
_OPEN = re.compile(r"\A\s*(?:---|\+\+\+)[ \t]*\n")
_LINE = re.compile(r"([^\s:=#-][^:=\n]{0,60}?)[ \t]*[:=][ \t]*(.*)")
_ITEM = re.compile(r"[ \t]*-[ \t]+(.+)")
_HTTP = ("https://", "http://")

_TITLE = ("title", "제목", "글제목", "글_제목", "subject", "headline", "name", "og:title")
_AUTHOR = (
    *("author", "authors", "글쓴이", "작성자", "저자", "필자", "지은이", "이름"),
    *("byline", "by", "writer", "creator", "article:author"),
)
_DATE = (
    *("date", "날짜", "작성일", "작성일자", "작성_일자", "발행일", "게시일", "등록일", "일자"),
    *(
        "published",
        "publisheddate",
        "published_date",
        "publishedat",
        "published_at",
        "datepublished",
    ),
    *("pubdate", "publishdate", "publish_date", "article:published_time", "posted", "post_date"),
    *("created", "createdat", "created_at", "creation_date", "datecreated", "created_time"),
    *("updated", "updatedat", "updated_at", "lastmod", "modified", "last_modified_at", "수정일"),
)
_URL = (
    *("url", "주소", "링크", "원문", "link", "permalink", "canonical", "canonical_url"),
    *("canonicalurl", "original_url", "og:url", "source", "출처"),
)
_IMAGE = (
    *("image", "이미지", "사진", "그림", "대표이미지", "대표_이미지", "썸네일", "images", "cover"),
    *("coverimage", "cover_image", "thumbnail", "thumb", "featured_image", "featuredimage"),
    *(
        "feature_image",
        "hero",
        "heroimage",
        "hero_image",
        "banner",
        "header",
        "og_image",
        "og:image",
    ),
    "teaser",
)
_ALT = (
    *("image_alt", "imagealt", "image_description", "cover_alt", "coveralt", "alt", "대체텍스트"),
    *("대체_텍스트", "그림설명", "그림_설명", "caption", "og:image:alt"),
)
_TAGS = ("tags", "tag", "태그", "categories", "category", "분류", "카테고리", "keywords", "topics")
_ID = ("id", "slug", "식별자")
UNPUBLISHED = ("draft", "private", "pending", "future", "trash", "초안", "비공개", "임시저장")
"""States of a post that its author has not shown to anybody, as blogs name them."""
_KNOWN = frozenset((*_TITLE, *_AUTHOR, *_DATE, *_URL, *_IMAGE, *_ALT, *_TAGS, *_ID, "layout"))


class Split(NamedTuple):
    """A file's keys, the text below them, and what was wrong with the block that held them."""

    keys: dict[str, Any]
    body: str
    fault: str | None = None


@dataclass(frozen=True)
class Fields:
    """What a post's keys say; `faults` tell which of them could not be taken."""

    id: str | None = None
    title: str | None = None
    author: str | None = None
    url: str | None = None
    date: date | None = None
    image: str | None = None
    image_alt: str | None = None
    tags: tuple[str, ...] = ()
    draft: bool = False
    faults: tuple[str, ...] = field(default=())


def split(source: str) -> Split:
    """Take the front matter off a text; a block that is broken gives what its lines still say."""
    head = source[:MOST]
    if found := _YAML.match(head):
        return _block(found, source, _yaml)
    if found := _TOML.match(head):
        return _block(found, source, tomllib.loads)
    if head.lstrip().startswith("{"):
        return _json(source)
    return _unclosed(source) or _bare(source) or Split({}, source)


def read_fields(keys: Mapping[str, Any]) -> Fields:
    """Find a post's fields among keys of any blog, English or Korean, in any case."""
    own = {_normal(key): value for key, value in keys.items()}
    found, faults = _first_date(own)
    image, alt = _image(own)
    return Fields(
        id=_first(own, _ID),
        title=_first(own, _TITLE),
        author=_first(own, _AUTHOR),
        url=_url(own),
        date=found,
        image=image,
        image_alt=_first(own, _ALT) or alt,
        tags=_tags(own),
        draft=own.get("draft") is True
        or own.get("published") is False
        or str(own.get("status", "")).strip().lower() in UNPUBLISHED,
        faults=faults,
    )


def _block(found: re.Match[str], source: str, parse: Any) -> Split:
    body, written = source[found.end() :], found[1] or ""
    try:
        keys = parse(written)
    except (BadInput, ValueError, TypeError, RecursionError) as error:
        return Split(_lines(written)[0], body, _why(error))
    if keys is None:
        return Split({}, body)
    if not isinstance(keys, dict):
        # Two rules with a text between them.
        return Split({}, source)
    return Split({str(key): value for key, value in keys.items()}, body)


def _yaml(written: str) -> Any:
    return parse_yaml(written, name="")


def _why(error: Exception) -> str:
    said = error.ko if isinstance(error, BadInput) else str(error)
    return " ".join(said.removeprefix(": ").split())[:160]


def _json(source: str) -> Split:
    start = len(source) - len(source.lstrip())
    try:
        keys, end = json.JSONDecoder().raw_decode(source, start)
    except (ValueError, RecursionError):
        return Split({}, source)
    if isinstance(keys, dict) and _KNOWN & {_normal(key) for key in keys}:
        return Split(keys, source[end:])
    return Split({}, source)


def _unclosed(source: str) -> Split | None:
    """Read the lines of a block that begins and never ends."""
    if not (opened := _OPEN.match(source)):
        return None
    keys, length = _lines(source[opened.end() : opened.end() + MOST])
    if not keys or not _KNOWN & {_normal(key) for key in keys}:
        return None
    return Split(keys, source[opened.end() + length :], "앞머리가 닫히지 않았습니다")


def _bare(source: str) -> Split | None:
    """Read `Title: …` lines that stand above a text without any mark around them."""
    keys, length = _lines(source[:MOST])
    body = source[length:]
    if keys and body.startswith("\n") and all(_normal(key) in _KNOWN for key in keys):
        return Split(keys, body)
    return None


def _lines(written: str) -> tuple[dict[str, Any], int]:
    """Read `key: value` lines up to the first that is none; return them and their length."""
    keys: dict[str, Any] = {}
    last, length = "", 0
    for line in written.splitlines(keepends=True):
        if found := _LINE.fullmatch(line.rstrip()):
            last = found[1].strip("\"' ")
            keys[last] = found[2].strip().strip("\"'") or None
        elif last and (item := _ITEM.fullmatch(line.rstrip())):
            if not isinstance(keys[last], str):
                keys[last] = [*(keys[last] or ()), item[1].strip("\"' ")]
        elif not (last and line.strip() and line[0] in " \t"):
            break
        length += len(line)
    return keys, length


def _normal(key: object) -> str:
    return re.sub(r"[\s-]+", "_", unicodedata.normalize("NFC", str(key)).strip().casefold())


def _first(own: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((words for name in names if (words := _words(own.get(name)))), None)


def _words(value: Any) -> str | None:
    if isinstance(value, str):
        return " ".join(value.split()) or None
    if isinstance(value, Mapping):
        return _words(value.get("name") or value.get("title") or value.get("이름"))
    if isinstance(value, (list, tuple)):
        return ", ".join(words for one in value if (words := _words(one))) or None
    return None if value is None or isinstance(value, bool) else str(value)


def _url(own: Mapping[str, Any]) -> str | None:
    given = [words for name in _URL if (words := _words(own.get(name)))]
    web = next((one for one in given if one.lower().startswith(_HTTP)), None)
    # A blog's own `permalink: /2024/spring/` and `출처: 동네 신문` are no addresses, and no faults.
    explicit = _words(own.get("url")) or _words(own.get("주소"))
    return web or (explicit if explicit and not explicit.startswith("/") else None)


def _first_date(own: Mapping[str, Any]) -> tuple[date | None, tuple[str, ...]]:
    given = [own[name] for name in _DATE if own.get(name) not in (None, "", True, False)]
    found = next((day for one in given if (day := read_date(one))), None)
    if found or not given:
        return found, ()
    return None, (f"날짜 {attach(f'`{str(given[0])[:40]}`', '을')} 읽을 수 없어 날짜 없이 씁니다",)


def _image(own: Mapping[str, Any]) -> tuple[str | None, str | None]:
    for name in _IMAGE:
        value = own.get(name)
        if isinstance(value, (list, tuple)) and value:
            value = value[0]
        if isinstance(value, Mapping):
            inner = {_normal(key): one for key, one in value.items()}
            paths = (*_IMAGE, "src", "url", "path", "filename", "relative")
            if src := _first(inner, paths):
                return src, _first(inner, _ALT)
        elif isinstance(value, str) and value.strip():
            return value.strip(), None
    return None, None


def _tags(own: Mapping[str, Any]) -> tuple[str, ...]:
    tags: list[str] = []
    for name in _TAGS:
        value = own.get(name)
        if isinstance(value, str):
            value = re.split(r"[,#\[\]]", value)
        if isinstance(value, (list, tuple)):
            tags += [words for one in value if (words := _words(one))]
    return tuple(dict.fromkeys(tags))
