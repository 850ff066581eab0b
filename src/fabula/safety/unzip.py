"""Unpack a stranger's zip into a folder, within limits and never outside of it."""

from __future__ import annotations

import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fabula.errors import UnfitFile

CHUNK = 64 * 1024
_LEFT_OUT = ("__MACOSX", "Thumbs.db", "desktop.ini")
_UTF8 = 0x800
_ENCRYPTED = 0x1
_LONGEST_PART = 200
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


@dataclass(frozen=True)
class ZipLimits:
    """What a zip may hold: files, bytes of one and of all unpacked, folders inside one another.

    `ratio` is how many bytes one packed byte may become; small files are free of it.
    """

    files: int = 2_000
    file_bytes: int = 50_000_000
    bytes: int = 300_000_000
    ratio: int = 100
    free_bytes: int = 1_000_000
    depth: int = 20


LIMITS = ZipLimits()


def unpack_zip(source: Path, folder: Path, *, limits: ZipLimits = LIMITS) -> int:
    """Unpack every plain file of the zip below `folder`; return their bytes. Blocks.

    Names outside, links, special files, encrypted ones, two of one name and whatever passes the
    limits are refused with UnfitFile; what the true bytes are is counted, not believed.
    """
    try:
        with zipfile.ZipFile(source) as packed:
            entries = list(_entries(packed, limits))
            room = limits.bytes
            for info, name in entries:
                room -= _unpack(packed, info, folder / name, limits, room)
            return limits.bytes - room
    except UnfitFile:
        raise
    except _DAMAGED:
        raise UnfitFile(
            "the zip is damaged or packed in a way that is not supported",
            "zip 파일이 깨졌거나 지원하지 않는 방식으로 압축되었습니다",
            code="file_content",
        ) from None


def _entries(
    packed: zipfile.ZipFile, limits: ZipLimits
) -> Iterator[tuple[zipfile.ZipInfo, PurePosixPath]]:
    taken: set[str] = set()
    folders: set[str] = set()
    files = 0
    for info in packed.infolist():
        shown = _name(info)
        if info.flag_bits & _ENCRYPTED:
            raise _refused(shown, "is encrypted", "암호가 걸려 있습니다")
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _refused(shown, "is a link or a special file", "링크나 특수 파일입니다")
        name = _place(shown, limits)
        if info.is_dir() or _is_left_out(name):
            continue
        files += 1
        if files > limits.files:
            raise _too_large(f"more than {limits.files:,} files", f"파일이 {limits.files:,}개를")
        # One name in capitals and in small letters is one file on some machines.
        key = str(name).casefold()
        above = {str(parent).casefold() for parent in name.parents} - {"."}
        if key in taken or key in folders or above & taken:
            raise _refused(shown, "is there twice", "이름이 겹칩니다")
        taken.add(key)
        folders |= above
        yield info, name


def _unpack(
    packed: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, limits: ZipLimits, room: int
) -> int:
    most = min(room, limits.file_bytes)
    packed_most = max(limits.free_bytes, info.compress_size * limits.ratio)
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with packed.open(info) as reading, target.open("xb") as writing:
        while chunk := reading.read(CHUNK):
            written += len(chunk)
            if written > packed_most:
                raise _too_large(
                    f"`{target.name[:80]}` unpacks to more than {limits.ratio} times its size",
                    f"`{target.name[:80]}`이 압축을 풀면 {limits.ratio}배를",
                )
            if written > most:
                raise _too_large(
                    f"more than {limits.bytes:,} bytes, or {limits.file_bytes:,} in one file",
                    f"압축을 푼 크기가 {limits.bytes:,}바이트를",
                )
            writing.write(chunk)
    return written


def _name(info: zipfile.ZipInfo) -> str:
    """Return the name as it was meant: old Korean zips are written in CP949 without a mark."""
    name = info.orig_filename
    if not info.flag_bits & _UTF8:
        raw = name.encode("cp437", "replace")
        for encoding in ("utf-8", "cp949"):
            try:
                name = raw.decode(encoding)
                break
            except UnicodeDecodeError:
                continue
    return unicodedata.normalize("NFC", name)


def _place(name: str, limits: ZipLimits) -> PurePosixPath:
    parts = name.rstrip("/").split("/")
    odd = any(ord(one) < ord(" ") or one in '\\:\x7f"<>|?*' for one in name)
    if odd or any(part in ("", ".", "..") or len(part.encode()) > _LONGEST_PART for part in parts):
        raise _refused(name, "is no plain name inside the folder", "쓸 수 없는 이름입니다")
    if len(parts) > limits.depth:
        raise _refused(name, f"lies more than {limits.depth} folders deep", "폴더가 너무 깊습니다")
    return PurePosixPath(*parts)


def _is_left_out(name: PurePosixPath) -> bool:
    return any(part in _LEFT_OUT or part.startswith(".") for part in name.parts)


def _refused(name: str, en: str, ko: str) -> UnfitFile:
    shown = "".join(one if one.isprintable() else "�" for one in name)[:80]
    return UnfitFile(f"in the zip `{shown}` {en}", f"zip 안의 `{shown}`: {ko}", code="file_content")


def _too_large(en: str, ko: str) -> UnfitFile:
    return UnfitFile(
        f"the zip holds too much: {en}", f"zip이 너무 큽니다: {ko} 넘습니다", code="file_too_large"
    )
