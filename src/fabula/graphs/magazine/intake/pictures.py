"""A post's picture: from beside it, or through the guard from where the post itself came."""

from __future__ import annotations

import asyncio
import hashlib
import re
import unicodedata
from base64 import b64decode
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urljoin

from fabula.documents.magazine import SourceProblem
from fabula.errors import BadInput
from fabula.graphs.magazine.intake.html import Image
from fabula.graphs.magazine.reading import Found
from fabula.safety.fetch import Fetch

MAX_PICTURE_BYTES = 15_000_000
PICTURES = "pictures/"
TRIED = 3
"""How many of a post's pictures are looked at: the first good one is taken."""
LEAST_PIXELS = 64
"""A picture of the text that is narrower or lower is an icon."""
_INSIDE = "data:"
_ENTRY = re.compile(r"\[\d+\]$")
_TYPES = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/gif": "gif"}


class WebPicture(NamedTuple):
    """A source's picture, made ready for the page."""

    name: str
    media_type: str
    data: bytes
    alt: str | None


class Taken(NamedTuple):
    """The picture that a post shows, if any, and what was wrong with those before it."""

    picture: WebPicture | None
    problems: tuple[SourceProblem, ...] = ()
    left: tuple[str, ...] = ()
    """Pictures on the web that a post of a file names: none of them is fetched."""


class Pictures:
    """Take pictures for the posts of one run: from the web at most `most`, until `until_s`."""

    def __init__(self, fetch: Fetch, *, most: int = 60, until_s: float = 90.0) -> None:
        self._fetch = fetch
        self._left = most
        self._deadline = asyncio.get_running_loop().time() + until_s

    async def take(self, found: Found) -> Taken:
        """Return the first picture of a post that can be used."""
        problems: list[SourceProblem] = []
        own = [Image(found.post.image, found.post.image_alt)] if found.post.image else []
        candidates = _candidates(found)
        left = tuple(one.src for one in (*own, *found.images) if one not in candidates)
        for image in candidates[:TRIED]:
            try:
                data = await self._data(found, image.src)
                web = await asyncio.to_thread(_made, data, image, least=0 if own else LEAST_PIXELS)
            except ValueError as error:
                problems.append(_problem(found, f"그림 {_shown(image.src)}: {error}"))
            else:
                if web:
                    return Taken(web, tuple(problems), left)
        return Taken(None, tuple(problems), left)

    async def _data(self, found: Found, src: str) -> bytes:
        if src.startswith(_INSIDE):
            return await asyncio.to_thread(_unpacked, src)
        if found.base is None:
            return await asyncio.to_thread(_read, found, src)
        if self._left <= 0 or asyncio.get_running_loop().time() > self._deadline:
            raise ValueError("웹에서 가져오는 그림의 수나 시간이 다 되었습니다")
        self._left -= 1
        # urljoin raises ValueError for an address that is none.
        url = urljoin(found.base, src.replace(" ", "%20"))
        try:
            return (await self._fetch(url, accept=tuple(_TYPES), most=MAX_PICTURE_BYTES)).data
        except BadInput as error:
            raise ValueError(error.ko.removeprefix(f"{error.field}: ")) from None


def left_on_the_web(taken: Sequence[tuple[Found, Taken]]) -> Iterator[SourceProblem]:
    """Tell, once for each file, of the pictures on the web that its posts name."""
    by_file: dict[str, list[str]] = {}
    for found, one in taken:
        by_file.setdefault(_ENTRY.sub("", found.source), []).extend(one.left)
    for file, left in by_file.items():
        if left:
            name = _shown(left[0])
            more = f" 등 {len(left)}개" if len(left) > 1 else ""
            reason = f"그림 {name}{more}: 웹 주소의 그림은 가져오지 않습니다. 파일로 두세요"
            yield SourceProblem(source=file, reason=reason, kind="picture_refused")


def _is_remote(src: str) -> bool:
    return "://" in src or src.startswith("//")


def _shown(src: str) -> str:
    if src.startswith(_INSIDE):
        return "글 속에 든 것"
    return unquote(src).partition("?")[0].rpartition("/")[2][:80]


def _unpacked(src: str) -> bytes:
    """Return the picture that an address holds in itself."""
    head, _, packed = src.partition(",")
    if not head.endswith(";base64") or len(packed) > MAX_PICTURE_BYTES * 4 // 3:
        raise ValueError("읽을 수 없는 모양이거나 너무 큽니다")
    try:
        return b64decode(unquote(packed), validate=True)
    except ValueError:
        raise ValueError("base64가 깨져 있습니다") from None


def _problem(found: Found, reason: str) -> SourceProblem:
    return SourceProblem(source=found.source, reason=reason, kind="picture_refused")


def pictures_beside(found: Found) -> Iterator[Path]:
    """Yield the files that `take` would look at for a post of a file: where they stand. Blocks."""
    for image in _candidates(found)[:TRIED]:
        if found.base is None and not image.src.startswith(_INSIDE):
            with suppress(ValueError):
                yield _file(found, image.src)


def _candidates(found: Found) -> list[Image]:
    """Return the pictures that a post may show, its own before those of its text."""
    own = [Image(found.post.image, found.post.image_alt)] if found.post.image else []
    return [one for one in (*own, *found.images) if found.base or not _is_remote(one.src)]


def _read(found: Found, src: str) -> bytes:
    path = _file(found, src)
    try:
        if path.stat().st_size > MAX_PICTURE_BYTES:
            raise ValueError(f"파일이 {MAX_PICTURE_BYTES // 1_000_000} MB를 넘습니다")
        return path.read_bytes()
    except OSError:
        raise ValueError("파일을 읽을 수 없습니다") from None


def _file(found: Found, src: str) -> Path:
    """Return the file that a picture is; ValueError where there is none that may be read."""
    outside = False
    for path in _places(found, src):
        try:
            real = path.resolve()
            if found.root is not None and not real.is_relative_to(found.root):
                outside = True
            elif real.is_file():
                return path
        except (OSError, RuntimeError):
            raise ValueError("파일을 읽을 수 없습니다") from None
    raise ValueError("폴더 밖의 파일입니다" if outside else "파일이 없습니다")


def _places(found: Found, src: str) -> Iterator[Path]:
    """Yield where a picture may lie: as written, as an address means it, from the site's top."""
    plain = src.partition("?")[0].partition("#")[0]
    names = dict.fromkeys((src, plain, unquote(plain)))
    forms = [unicodedata.normalize(form, name) for name in names for form in ("NFC", "NFD")]
    for name in dict.fromkeys(forms):
        if "\0" in name:
            raise ValueError("파일 이름이 잘못되었습니다")
        yield (found.folder / name) if found.folder else Path(name)
        # A site's own address, and a note book's pictures, which it finds wherever they lie.
        for top in _above(found):
            yield top / name.lstrip("/")
            yield top / "static" / name.lstrip("/")


def _above(found: Found) -> Iterator[Path]:
    """Yield the folders above a post's, up to the one that its pictures may not leave."""
    if found.root is None or found.folder is None:
        return
    here = found.folder.resolve()
    while here != found.root and here.is_relative_to(found.root):
        here = here.parent
        yield here
    yield found.root


def _made(data: bytes, image: Image, *, least: int) -> WebPicture | None:
    from fabula.media.images import open_picture, web_picture

    _, width, height = open_picture(data)
    if min(width, height) < least:
        return None
    web = web_picture(data)
    media_type = open_picture(web)[0]
    digest = hashlib.sha256(web).hexdigest()[:12]
    return WebPicture(f"{PICTURES}{digest}.{_TYPES[media_type]}", media_type, web, image.alt)
