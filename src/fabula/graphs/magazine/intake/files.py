"""The files of a folder that may hold posts, and those that a person would miss."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Literal, NamedTuple

from fabula.documents.magazine import SourceProblem
from fabula.graphs.magazine.intake.encoding import Unreadable, tidy
from fabula.graphs.magazine.intake.feeds import is_feed
from fabula.graphs.magazine.intake.html import is_page, words

MAX_BYTES = 8_000_000
MAX_FILES = 500
MAX_REPORTED = 100
MAX_NAMED = 6
"""How many names a summed line tells."""
DEEPEST = 100
"""Folders inside one another that are read."""
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

    Hidden files and folders, pictures, styles and code are passed over and counted.
    """
    problems: list[SourceProblem] = []
    found: list[Source] = []
    root, taken, passed = folder.resolve(), set[Path](), _Passed()
    # Files stand before links, so that a link to one of them is the one that is passed over.
    for one in sorted(_entries(folder, problems, passed), key=attrgetter("link")):
        suffix = one.path.suffix.lower()
        if reason := _fault(one, root, taken):
            problems.append(SourceProblem(source=one.name, reason=reason))
        elif kind := _KINDS.get(suffix):
            found.append(Source(one.path, one.name, kind))
        elif suffix in _ASSETS:
            passed.beside.append(one.name)
        else:
            reason = f"글로 읽지 않는 형식입니다({suffix or '확장자 없음'})"
            problems.append(SourceProblem(source=one.name, reason=reason))
    whole = _shown(Path(root.name))
    found.sort(key=attrgetter("name"))
    yield from found[:MAX_FILES]
    if len(found) > MAX_FILES:
        reason = f"글이 {len(found)}개입니다. 이름순으로 앞의 {MAX_FILES}개만 읽었습니다"
        yield SourceProblem(source=whole, reason=reason)
    problems.sort(key=attrgetter("source"))
    yield from problems[:MAX_REPORTED]
    if len(problems) > MAX_REPORTED:
        reason = f"쓰지 않은 파일이 {len(problems) - MAX_REPORTED}개 더 있습니다"
        yield SourceProblem(source=whole, reason=reason)
    yield from (
        SourceProblem(source=whole, reason=reason, kind="passed_over") for reason in passed.told()
    )


def kind_of(path: Path, text: str) -> FileKind:
    """Say what one named file is read as: by its name, or by how it begins."""
    known = _KINDS.get(path.suffix.lower())
    if path.suffix.lower() == ".json":
        return "json"
    # What calls itself a feed and is none, such as a page that says 404, is no post either.
    if known == "feed" or is_feed(text):
        return "feed"
    if is_page(text):
        return "html"
    if known:
        return known
    return "json" if text.lstrip().startswith(("[", "{")) else "text"


def read_bytes(path: Path) -> bytes:
    """Read a plain file of at most MAX_BYTES; Unreadable says why it cannot be."""
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            raise Unreadable("보통 파일이 아닙니다")
        if about.st_size > MAX_BYTES:
            raise Unreadable(f"파일이 {MAX_BYTES // 1_000_000} MB를 넘습니다")
        if about.st_size == 0:
            raise Unreadable("빈 파일입니다")
        return path.read_bytes()
    except FileNotFoundError:
        raise Unreadable("파일이 없습니다(끊어진 링크)") from None
    except OSError:
        raise Unreadable("파일을 읽을 수 없습니다") from None


class _Entry(NamedTuple):
    path: Path
    name: str
    within: Path
    """Its path inside the folder."""
    link: bool


@dataclass
class _Passed:
    """What is no post, by why; nobody misses it, and nothing vanishes without a word."""

    beside: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def told(self) -> Iterator[str]:
        """Sum up what was passed over, a line for each why."""
        if self.beside:
            by_suffix: dict[str, list[str]] = {}
            for name in sorted(self.beside):
                by_suffix.setdefault(Path(name).suffix.lower(), []).append(name)
            groups = sorted(by_suffix.items(), key=lambda one: (-len(one[1]), one[0]))
            shown = [
                f"{suffix} {len(names)}개" if len(names) > 1 else names[0]
                for suffix, names in groups
            ]
            yield f"글이 아니어서 지나간 파일 {len(self.beside)}개: {_some(shown)}"
        if self.hidden:
            yield f"숨은 파일과 폴더 {len(self.hidden)}개: {_some(sorted(self.hidden))}"
        if self.foreign:
            yield f"도구가 만든 폴더 {len(self.foreign)}개: {_some(sorted(self.foreign))}"


def _some(names: Sequence[str]) -> str:
    more = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f" 외 {more}가지" if more > 0 else "")


def _entries(folder: Path, problems: list[SourceProblem], passed: _Passed) -> Iterator[_Entry]:
    """Yield the files below a folder; no recursion, which a deep folder would exhaust."""
    waiting = [Path()]
    while waiting:
        here = waiting.pop()
        try:
            with os.scandir(folder / here) as found:
                entries = sorted(found, key=attrgetter("name"), reverse=True)
        except OSError:
            source = _shown(here) if here.parts else _shown(Path(folder.resolve().name))
            problems.append(SourceProblem(source=source, reason="폴더를 읽을 수 없습니다"))
            continue
        for entry in entries:
            within = here / entry.name
            name = _shown(within)
            inside = _is_folder(entry)
            if entry.name[0] == ".":
                passed.hidden.append(f"{name}/" if inside else name)
            elif inside and entry.name in _PASSED:
                passed.foreign.append(f"{name}/")
            elif not inside:
                yield _Entry(folder / within, name, within, entry.is_symlink())
            elif entry.is_symlink():
                reason = "폴더를 가리키는 링크는 따라가지 않습니다"
                problems.append(SourceProblem(source=name, reason=reason))
            elif len(within.parts) > DEEPEST:
                reason = f"폴더가 {DEEPEST}겹보다 깊어 읽지 않았습니다"
                problems.append(SourceProblem(source=name, reason=reason))
            else:
                waiting.append(within)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        # A link that leads round in a circle.
        return False


def _fault(entry: _Entry, root: Path, taken: set[Path]) -> str | None:
    real = root / entry.within
    if entry.link:
        try:
            real = entry.path.resolve()
        except (OSError, RuntimeError):
            return "제자리를 도는 링크입니다"
        if not real.is_relative_to(root):
            return "폴더 밖을 가리키는 링크입니다"
        if real in taken:
            return "이미 읽은 파일을 가리키는 링크입니다"
    taken.add(real)
    return None


def _shown(path: Path) -> str:
    """Write a path as one line of text: names that are no UTF-8, or in Hangul taken apart, too."""
    raw = os.fsencode(path.as_posix())
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("cp949", "replace")
    return tidy(unicodedata.normalize("NFC", text)).replace("\n", "␤") or "?"
