"""A folder as a zip that a service unpacks: the same files always make the same bytes."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from pathlib import Path, PurePosixPath
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from fabula.errors import BadInput
from fabula.safety.sniff import KINDS

LONG_AGO = (1980, 1, 1, 0, 0, 0)
UNIX = 3
READABLE = 0o100644 << 16
MOST_FILES = 2_000
"""What a service takes out of one zip; more is refused before anything is read."""
_TOOLS = frozenset(("node_modules", "__MACOSX", "__pycache__"))
_ODD = re.compile(r'[\x00-\x1f\x7f\\:"<>|?*]')


def pack(target: Path, root: Path, files: Iterable[Path]) -> None:
    """Write the files, all below `root`, into a zip with that one folder in it. Blocks."""
    with ZipFile(target, "w") as archive:
        for file in files:
            inside = unicodedata.normalize("NFC", file.relative_to(root).as_posix())
            entry = ZipInfo(str(PurePosixPath(folder_name(root), inside)), LONG_AGO)
            entry.create_system, entry.external_attr = UNIX, READABLE
            packed = KINDS.get(file.suffix.lower(), "").startswith("image/")
            entry.compress_type = ZIP_STORED if packed else ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())


def files_of(root: Path) -> Sequence[Path]:
    """Return what of a folder a service may want: no hidden files, no folders of tools. Blocks.

    Links count where they lead to a file inside that is not there anyway, or to a picture.
    BadInput where there are too many.
    """
    real = root.resolve()
    plain: list[Path] = []
    links: list[Path] = []
    for path in _walk(root):
        (links if path.is_symlink() else plain).append(path)
        if len(plain) + len(links) > MOST_FILES:
            raise BadInput(
                "brief",
                f"`{root.name}` holds more than {MOST_FILES:,} files: name a smaller folder",
                f"`{root.name}` 폴더의 파일이 {MOST_FILES:,}개를 넘습니다. 작은 폴더를 주세요",
            )
    taken = {path.resolve() for path in plain}
    for link in links:
        target = link.resolve()
        is_picture = KINDS.get(link.suffix.lower(), "").startswith("image/")
        if target.is_relative_to(real) and (is_picture or target not in taken):
            plain.append(link)
            taken.add(target)
    return sorted((one for one in plain if os.access(one, os.R_OK)), key=attrgetter("parts"))


def folder_name(root: Path) -> str:
    """Return the name that a folder has in a zip."""
    name = unicodedata.normalize("NFC", root.resolve().name)
    return _ODD.sub("_", name).lstrip(".") or "folder"


def _walk(root: Path) -> Iterator[Path]:
    waiting = [root]
    while waiting:
        try:
            found = sorted(os.scandir(waiting.pop()), key=attrgetter("name"))
        except OSError:
            # What cannot be read is not sent; the run tells what it misses.
            continue
        for entry in found:
            if entry.name.startswith(".") or entry.name in _TOOLS:
                continue
            if entry.is_dir(follow_symlinks=False):
                waiting.append(Path(entry.path))
            elif Path(entry.path).is_file():
                yield Path(entry.path)
