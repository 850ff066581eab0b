"""Read a brief's source posts: each by itself, so that a bad one costs only itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from pydantic import ValidationError

from fabula.briefs import dotted
from fabula.complaints import complaint
from fabula.documents import content_hash
from fabula.documents.magazine import MagazineBrief, PostInput, SourceProblem
from fabula.errors import BadInput
from fabula.graphs.magazine.intake.ahead import Ahead, stamp_of
from fabula.graphs.magazine.intake.encoding import Decoded, Unreadable, decode, tidy
from fabula.graphs.magazine.intake.feeds import read_feed
from fabula.graphs.magazine.intake.files import (
    MAX_FILES,
    FileKind,
    kind_of,
    read_bytes,
    walk,
)
from fabula.graphs.magazine.intake.html import Image
from fabula.graphs.magazine.intake.posts import UNSHOWN, Draft, draft_of, entry_draft
from fabula.korean.particles import attach
from fabula.safety.fetch import Fetched

MAX_CHARACTERS = 30_000_000
"""What all posts of a brief may have together."""
DRAFTS = "_drafts"
"""The folder that a blog keeps its unfinished posts in."""
TELLING = 40
"""A text of as many characters is known again under another title."""


@dataclass(frozen=True)
class Found:
    """A post that can be used, and where its pictures are looked for.

    `root` is the folder that a picture may not leave; None: the brief's own author named it.
    `base` is the address of a post that came from the web: its pictures come from there too.
    """

    source: str
    post: PostInput
    folder: Path | None = None
    root: Path | None = None
    base: str | None = None
    images: tuple[Image, ...] = ()
    """Pictures that the text shows, in its order; the post's own `image` stands before them."""
    problems: tuple[SourceProblem, ...] = ()
    named: bool = True
    """The id was given as such; one that was made of a file's name gives way to another."""


@dataclass(frozen=True)
class _Place:
    source: str
    folder: Path | None = None
    root: Path | None = None
    base: str | None = None


def is_address(sources: str) -> bool:
    """Say whether `sources` is an address and no path."""
    return "://" in sources


def read_all(
    brief: MagazineBrief, fetched: Fetched | None = None, *, ahead: bool = False
) -> Iterator[Found | SourceProblem]:
    """Read the brief's sources and inline posts, in order, every post under an id of its own.

    `fetched` is what an address in `sources` leads to; `ahead` keeps what files say for the next
    reading of them as they are now. Blocks on files. Raises BadInput where `sources` itself cannot
    be used.
    """
    ids: dict[str, str] = {}
    texts: dict[str, str] = {}
    room = MAX_CHARACTERS
    for found in (*_sources(brief.sources, fetched, ahead=ahead), *_inline(brief)):
        if isinstance(found, SourceProblem):
            yield found
            continue
        room -= len(found.post.text)
        if room < 0:
            yield _refused(found.source, "앞의 글들과 합해 너무 깁니다. 글을 줄여 주세요")
            continue
        one = found if found.named else _own_id(found, ids, texts)
        if isinstance(one, Found) and one.post.id in ids:
            first = ids[one.post.id]
            one = _refused(
                one.source, f"id {attach(f'`{one.post.id}`', '이')} {attach(first, '와')} 겹칩니다"
            )
        if isinstance(one, Found):
            ids[one.post.id] = one.source
        yield one


def _own_id(found: Found, ids: Mapping[str, str], texts: dict[str, str]) -> Found | SourceProblem:
    """Give a post whose id was taken another one, made of where it stands; refuse a copy."""
    # Two short notes may well say the same under two titles; two long texts do not.
    short = len(found.post.text) < TELLING
    same = content_hash([found.post.title if short else "", found.post.text])
    if same in texts:
        return _refused(found.source, f"{attach(texts[same], '와')} 같은 글입니다")
    texts[same] = found.source
    if found.post.id not in ids:
        return found
    tail = content_hash(found.source)[:6]
    renamed = f"{found.post.id[:72]}-{tail}"
    taken, user = attach(f"`{found.post.id}`", "을"), attach(ids[found.post.id], "이")
    reason = f"id {taken} {user} 이미 써서 {attach(f'`{renamed}`', '으로')} 합니다"
    problem = SourceProblem(source=found.source, reason=reason, kind="id_changed")
    post = found.post.model_copy(update={"id": renamed})
    return replace(found, post=post, problems=(*found.problems, problem))


def _inline(brief: MagazineBrief) -> Iterator[Found | SourceProblem]:
    for number, post in enumerate(brief.posts):
        yield _given(post.model_dump(exclude_none=True), _Place(f"posts[{number}]"))


def _sources(
    sources: str | None, fetched: Fetched | None, *, ahead: bool
) -> Iterator[Found | SourceProblem]:
    if sources is None:
        return
    if is_address(sources):
        if fetched is not None:
            yield from _web(fetched)
        return
    path = Path(sources)
    if path.is_dir():
        yield from _folder(path, ahead=ahead)
    elif path.is_file():
        place = _Place(path.name, path.parent, path.parent.resolve())
        yield from _local(path, None, place, ahead=ahead)
    else:
        raise BadInput(
            "sources", f"`{path.name}` does not exist", f"{attach(f'`{path.name}`', '이')} 없습니다"
        )


def _folder(folder: Path, *, ahead: bool) -> Iterator[Found | SourceProblem]:
    root = folder.resolve()
    for one in walk(folder):
        if isinstance(one, SourceProblem):
            yield one
            continue
        if DRAFTS in Path(one.name).parts[:-1]:
            yield _refused(one.name, UNSHOWN)
            continue
        place = _Place(one.name, one.path.parent, root)
        yield from _local(one.path, one.kind, place, ahead=ahead)


def _local(
    path: Path, kind: FileKind | None, place: _Place, *, ahead: bool
) -> Sequence[Found | SourceProblem]:
    """Read a file as what its folder takes it for, or have it from who read it before."""
    stamp = stamp_of(path)
    if stamp is None:
        return tuple(_opened(path, kind, place))
    stamp = stamp._replace(path=f"{place.root}\0{place.source}\0{stamp.path}")
    read = _AHEAD.take(stamp)
    if read is None:
        read = tuple(_opened(path, kind, place))
    if ahead:
        _AHEAD.keep(stamp, read)
    return read


def _weight(read: Sequence[Found | SourceProblem]) -> int:
    return sum(len(one.post.text) if isinstance(one, Found) else 100 for one in read)


_AHEAD: Ahead[Sequence[Found | SourceProblem]] = Ahead(_weight)


def _opened(path: Path, kind: FileKind | None, place: _Place) -> Iterator[Found | SourceProblem]:
    try:
        read = decode(read_bytes(path))
    except Unreadable as error:
        yield _refused(place.source, str(error))
        return
    yield from _decoded(read, place)
    yield from _read(read.text, kind or kind_of(path, read.text), place, path)


def _decoded(read: Decoded, place: _Place) -> Iterator[SourceProblem]:
    if read.told:
        yield SourceProblem(source=place.source, reason=read.told, kind="source_decoded")


def _web(fetched: Fetched) -> Iterator[Found | SourceProblem]:
    shown = fetched.url.partition("?")[0].partition("#")[0]
    try:
        read: Decoded = decode(fetched.data)
    except Unreadable as error:
        yield _refused(shown, str(error))
        return
    path = Path(shown.rstrip("/").rpartition("/")[2] or "page")
    kind: FileKind = "markdown" if fetched.media_type in ("text/plain", "text/markdown") else "html"
    if kind_of(path, read.text) == "feed":
        kind = "feed"
    place = _Place(shown, base=fetched.url)
    yield from _decoded(read, place)
    yield from _read(read.text, kind, place, path)


def _read(text: str, kind: FileKind, place: _Place, path: Path) -> Iterator[Found | SourceProblem]:
    try:
        if kind == "json":
            yield from _json(text, place)
        elif kind == "feed":
            yield from _feed(text, place)
        else:
            draft = draft_of(tidy(text), kind, path)
            # A query may hold what is nobody's business: such an address is not printed.
            if place.base and "?" not in place.base and not draft.refusal:
                draft = replace(draft, post={"url": place.base, **_said(draft.post)})
            yield _drafted(draft, place)
    except Unreadable as error:
        yield _refused(place.source, str(error))


def _feed(text: str, place: _Place) -> Iterator[Found | SourceProblem]:
    feed = read_feed(text, most=MAX_FILES)
    if feed.broken:
        reason = "XML이 깨져 있어 읽히는 데까지 읽었습니다"
        yield SourceProblem(source=place.source, reason=reason, kind="feed_repaired")
    for number, given in enumerate(feed.entries):
        entry = given._replace(url=_absolute(place.base, given.url))
        base = (entry.url or place.base) if place.base else None
        one = _Place(f"{place.source}[{number}]", place.folder, place.root, base)
        yield _drafted(entry_draft(entry), one)


def _drafted(draft: Draft, place: _Place) -> Found | SourceProblem:
    if draft.refusal:
        return _refused(place.source, draft.refusal)
    try:
        post = PostInput.model_validate(draft.post)
    except ValidationError as error:
        return _refused(
            place.source, f"{dotted(error.errors()[0])}: {complaint(error.errors()[0])}"
        )
    return Found(
        place.source,
        post,
        place.folder,
        place.root,
        place.base,
        images=draft.images,
        problems=tuple(
            SourceProblem(source=place.source, reason=reason, kind=kind)
            for kind, reason in draft.faults
        ),
        named=False,
    )


def _absolute(base: str | None, url: str | None) -> str | None:
    if not base or not url:
        return url
    try:
        return urljoin(base, url)
    except ValueError:
        return None


def _said(post: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in post.items() if value is not None}


def _json(text: str, place: _Place) -> Iterator[Found | SourceProblem]:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        yield _refused(place.source, f"올바른 JSON이 아닙니다: {error}")
        return
    posts = given.get("posts") if isinstance(given, dict) else given
    if not isinstance(posts, list):
        yield _refused(place.source, '글의 목록이나 {"posts": [...]}여야 합니다')
        return
    for number, post in enumerate(posts[:MAX_FILES]):
        one = _Place(f"{place.source}[{number}]", place.folder, place.root)
        yield _given(post, one)
    if len(posts) > MAX_FILES:
        reason = f"글이 {len(posts)}개입니다. 앞의 {MAX_FILES}개만 읽었습니다"
        yield _refused(place.source, reason)


def _given(given: object, place: _Place) -> Found | SourceProblem:
    """Take a post that was written for fabula: what it says is meant, a fault is told."""
    if not isinstance(given, Mapping):
        return _refused(place.source, "`이름: 값` 꼴이 아닙니다")
    try:
        post = PostInput.model_validate({key: _tidied(value) for key, value in given.items()})
    except ValidationError as error:
        first = error.errors()[0]
        unknown = first["type"] == "extra_forbidden"
        reason = f"{dotted(first)}: {'없는 항목입니다' if unknown else complaint(first)}"
        return _refused(place.source, reason)
    return Found(place.source, post, place.folder, place.root)


def _tidied(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_tidied(one) for one in value]
    return tidy(value) if isinstance(value, str) else value


def _refused(source: str, reason: str) -> SourceProblem:
    return SourceProblem(source=source, reason=reason)
