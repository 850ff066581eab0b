"""Bytes as text: UTF-8, a byte order mark, Korean or Western code pages; the rest is refused."""

from __future__ import annotations

import codecs
import re
import unicodedata
from typing import NamedTuple

from fabula.graphs.magazine.intake.code_pages import (
    is_korean,
    is_lost,
    is_western,
    unscrambled,
    utf_16_without_mark,
)
from fabula.korean.particles import attach


class Unreadable(ValueError):
    """Say in Korean why a source cannot be read."""


class Decoded(NamedTuple):
    """A text, the encoding that it was written in, and what had to be done to read it."""

    text: str
    encoding: str
    padding: int = 0
    """How many NULs behind it were dropped."""
    mended: bool = False
    """It had been saved after it was read in a wrong encoding."""

    @property
    def told(self) -> str | None:
        """What a person should know of how it was read; None for plain UTF-8."""
        if self.mended:
            return "글자가 깨진 채 저장된 글을 되돌려 읽었습니다"
        if self.encoding == "utf-8" and not self.padding:
            return None
        dropped = f"(끝의 NUL {self.padding:,}바이트는 뺐습니다)" if self.padding else ""
        guessed = "짐작해 " if self.encoding in GUESSED else ""
        name = attach(self.encoding.upper(), "으로")
        return f"인코딩을 {name} {guessed}읽었습니다{dropped}"


GUESSED = ("utf-16-le", "utf-16-be", "cp1252")
"""Encodings that nothing but the text itself speaks for."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""UTF-32 stands before UTF-16: its mark begins with the other's."""
_ESCAPED = re.compile(rb"\x1b[$(]")
_DECLARED = re.compile(
    rb"(?:charset|encoding)\s*=\s*[\"']?\s*([A-Za-z][\w.:-]{1,30})", re.IGNORECASE
)
_WESTERN = re.compile(
    r"utf-?8|us-ascii|ascii|(?:x-)?(?:windows-|cp-?)1252|(?:iso[-_]?8859[-_]|latin-?)(?:1|15|9)",
    re.IGNORECASE,
)
"""What Western pages call themselves, and UTF-8, as which much of it is labelled."""
_HEAD = 2_048
_CONTROLS_OF_NO_TEXT = re.compile(rb"[\x01-\x08\x0e-\x1f]")


def decode(data: bytes) -> Decoded:
    """Return the text of a file; Unreadable where its encoding cannot be told with confidence.

    A text that was saved after it had been read wrongly is read back where that can be undone.
    """
    read = _decoded(data)
    if found := unscrambled(read.text):
        return read._replace(text=found, mended=True)
    if is_lost(read.text):
        raise Unreadable("글자가 깨진 채 저장된 파일입니다. 깨지기 전의 것을 UTF-8로 저장해 주세요")
    return read


def _decoded(data: bytes) -> Decoded:
    for mark, name in _MARKS:
        if data.startswith(mark):
            return Decoded(_strict(data, name).rstrip("\0"), name.removesuffix("-sig"))
    whole = data.rstrip(b"\0")
    padding = len(data) - len(whole)
    if b"\0" in whole:
        found = utf_16_without_mark(data)
        if found is None:
            raise Unreadable("글이 아니라 이진 파일이거나, 바이트 순서를 알 수 없는 UTF-16입니다")
        return Decoded(*found)
    if _ESCAPED.search(whole):
        raise Unreadable("옛 메일 인코딩(ISO-2022)입니다. UTF-8로 저장해 주세요")
    try:
        return Decoded(whole.decode("utf-8"), "utf-8", padding)
    except UnicodeDecodeError:
        pass
    text = _or_nothing(whole, "cp949")
    if is_korean(text):
        return Decoded(text, "cp949", padding)
    # A last line break may be the only NUL that UTF-16 has.
    if padding and (found := utf_16_without_mark(data)):
        return Decoded(*found)
    return Decoded(_western(whole), "cp1252", padding)


def _western(data: bytes) -> str:
    if (declared := _DECLARED.search(data[:_HEAD])) and not _WESTERN.fullmatch(
        label := declared[1].decode("ascii")
    ):
        raise Unreadable(
            f"`{label}` 인코딩이라고 적혀 있는데 글로 읽을 수 없습니다. UTF-8로 저장해 주세요"
        )
    if _CONTROLS_OF_NO_TEXT.search(data):
        raise Unreadable("글이 아니라 이진 파일입니다")
    text = _or_nothing(data, "cp1252")
    if text and is_western(text, data):
        return text
    raise Unreadable(
        "UTF-8, CP949(EUC-KR), CP1252 가운데 무엇으로도 글이 되지 않습니다. UTF-8로 저장해 주세요"
    )


def _or_nothing(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return ""


def _strict(data: bytes, encoding: str) -> str:
    if len(data) % 2 and encoding == "utf-16":
        data = data.removesuffix(b"\0")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        name = encoding.removesuffix("-sig").upper()
        raise Unreadable(
            f"{attach(name, '이라고')} 표시되어 있지만 {attach(name, '으로')} 읽을 수 없습니다"
        ) from None


_INVISIBLE = re.compile(
    # Marks of direction, joiners of words, tags: text that a reader does not see and a model does.
    "[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\U000e0000-\U000e0fff]"
)
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufff9-\uffff]")


def tidy(text: str) -> str:
    """Compose Hangul (macOS writes it apart), and drop what nobody sees: controls, direction."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n")
    text = text.replace("\u2029", "\n\n").replace("\x0c", "\n").replace("\xa0", " ")
    return _CONTROLS.sub("", _INVISIBLE.sub("", unicodedata.normalize("NFC", text))).strip()
