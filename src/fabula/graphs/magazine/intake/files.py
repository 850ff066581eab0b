"""The files of a folder that may hold posts, and those that a person would miss."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from fabula.documents.magazine import SourceProblem
from fabula.graphs.magazine.intake.encoding import Unreadable, tidy
from fabula.graphs.magazine.intake.feeds import is_feed
from fabula.graphs.magazine.intake.html import words

MAX_BYTES = 8_000_000
MAX_FILES = 500
MAX_REPORTED = 100
FileKind = Literal["markdown", "html", "text", "feed", "json"]

_KINDS: dict[str, FileKind] = {
    **dict.fromkeys((".md", ".markdown", ".mdown", ".mkd", ".mkdn", ".mdx"), "markdown"),
    **dict.fromkeys((".html", ".htm", ".xhtml"), "html"),
    ".txt": "text",
    **dict.fromkeys((".xml", ".rss", ".atom"), "feed"),
}
# What lies beside posts and is none: nobody misses it in a magazine.
_ASSETS = words(
    ".jpg .jpeg .png .gif .webp .avif .svg .bmp .ico .heic .tif .tiff .css .scss .sass .less "
    ".js .mjs .ts .tsx .jsx .map .woff .woff2 .ttf .otf .eot .mp4 .mov .webm .mp3 .wav .m4a "
    ".ogg .ini .db .lnk .url .log .toml .lock .liquid .njk .ejs .py .rb .sh .php"
)
_PASSED = frozenset(("node_modules", "__MACOSX", "__pycache__"))


class Source(NamedTuple):
    """A file to read: where it is, its name inside the folder, what it is read as."""

    path: Path
    name: str
    kind: FileKind


def walk(folder: Path) -> Iterator[Source | SourceProblem]:
    """Yield a folder's posts by name; links out of it, other documents and the rest as problems.

    Hidden files and folders, pictures, styles and code are passed over.
    """
    problems: list[SourceProblem] = []
    found: list[Source] = []
    root, taken = folder.resolve(), set[Path]()
    # Files stand before links, so that a link to one of them is the one that is passed over.
    for path in sorted(_paths(folder, problems), key=Path.is_symlink):
        name = _shown(path.relative_to(folder))
        if reason := _fault(path, root, taken):
            problems.append(SourceProblem(source=name, reason=reason))
        elif kind := _KINDS.get(path.suffix.lower()):
            found.append(Source(path, name, kind))
        elif path.suffix.lower() not in _ASSETS:
            suffix = path.suffix.lower() or "확장자 없음"
            reason = f"글로 읽지 않는 형식입니다({suffix})"
            problems.append(SourceProblem(source=name, reason=reason))
    found.sort(key=lambda one: one.name)
    yield from found[:MAX_FILES]
    if len(found) > MAX_FILES:
        reason = f"글이 {len(found)}개입니다. 이름순으로 앞의 {MAX_FILES}개만 읽었습니다"
        problems.insert(0, SourceProblem(source=_shown(Path(folder.name)), reason=reason))
    problems.sort(key=lambda one: one.source)
    yield from problems[:MAX_REPORTED]
    if len(problems) > MAX_REPORTED:
        reason = f"쓰지 않은 파일이 {len(problems) - MAX_REPORTED}개 더 있습니다"
        yield SourceProblem(source=_shown(Path(folder.name)), reason=reason)


def kind_of(path: Path, text: str) -> FileKind:
    """Say what one named file is read as: by its name, or by how it begins."""
    if path.suffix.lower() == ".json":
        return "json"
    if is_feed(text):
        return "feed"
    head = text[:1_000].lstrip().lower()
    if head.startswith(("<!doctype html", "<html", "<head", "<body")):
        return "html"
    known = _KINDS.get(path.suffix.lower())
    if known and known != "feed":
        return known
    return "json" if head.startswith(("[", "{")) else "text"


def read_bytes(path: Path) -> bytes:
    """Read a plain file of at most MAX_BYTES; Unreadable says why it cannot be."""
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            raise Unreadable("보통 파일이 아닙니다")
        if about.st_size > MAX_BYTES:
            raise Unreadable(f"파일이 {MAX_BYTES // 1_000_000} MB를 넘습니다")
        return path.read_bytes()
    except FileNotFoundError:
        raise Unreadable("파일이 없습니다(끊어진 링크)") from None
    except OSError:
        raise Unreadable("파일을 읽을 수 없습니다") from None


def _paths(folder: Path, problems: list[SourceProblem]) -> Iterator[Path]:
    def unreadable(error: OSError) -> None:
        name = _shown(Path(error.filename).relative_to(folder)) if error.filename else folder.name
        problems.append(SourceProblem(source=name, reason="폴더를 읽을 수 없습니다"))

    for here, folders, files in os.walk(folder, onerror=unreadable):
        shown = sorted(name for name in folders if name[0] != "." and name not in _PASSED)
        folders[:] = [name for name in shown if not (Path(here) / name).is_symlink()]
        for name in sorted(set(shown) - set(folders)):
            source = _shown((Path(here) / name).relative_to(folder))
            reason = "폴더를 가리키는 링크는 따라가지 않습니다"
            problems.append(SourceProblem(source=source, reason=reason))
        yield from (Path(here) / name for name in sorted(files) if name[0] != ".")


def _fault(path: Path, root: Path, taken: set[Path]) -> str | None:
    try:
        real = path.resolve()
    except (OSError, RuntimeError):
        return "제자리를 도는 링크입니다"
    if not real.is_relative_to(root):
        return "폴더 밖을 가리키는 링크입니다"
    if path.is_symlink() and real in taken:
        return "이미 읽은 파일을 가리키는 링크입니다"
    taken.add(real)
    return None


def _shown(path: Path) -> str:
    """Write a path as text: names that are no UTF-8, or in Hangul taken apart, included."""
    raw = os.fsencode(path.as_posix())
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("cp949", "replace")
    return tidy(unicodedata.normalize("NFC", text)) or "?"
