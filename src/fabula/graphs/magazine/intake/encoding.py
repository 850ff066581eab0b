"""Bytes as text: UTF-8, a byte order mark, or the Korean code page; anything else is refused."""

from __future__ import annotations

import codecs
import re
import unicodedata
from typing import NamedTuple


class Unreadable(ValueError):
    """Say in Korean why a source cannot be read."""


class Decoded(NamedTuple):
    """A text and the encoding that it was written in."""

    text: str
    encoding: str


_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""UTF-32 stands before UTF-16: its mark begins with the other's."""
_ESCAPED = re.compile(rb"\x1b[$(]")
_LAUGHTER = frozenset("ㄱㄴㄷㅂㅇㅅㅈㅋㅎㅉㅏㅓㅗㅜㅠㅡㅣ")
_COMMON = frozenset(
    "이다는을의가에고한지기로서은도를하사시리나어자인으면해스대요그수있것들과와만라"
)
_MOST_STRANGE = 0.15
_LEAST_COMMON = 0.15
_TWO_BYTES = 2
_JUDGED = 30
"""With fewer syllables than this, which ones they are says nothing."""


def decode(data: bytes) -> Decoded:
    """Return the text of a file; Unreadable where its encoding is not known for sure."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return Decoded(_strict(data, name), name.removesuffix("-sig"))
    if b"\0" in data:
        raise Unreadable("글이 아니라 이진 파일이거나, BOM이 없는 UTF-16입니다")
    if _ESCAPED.search(data):
        raise Unreadable("옛 메일 인코딩(ISO-2022)입니다. UTF-8로 저장해 주세요")
    try:
        return Decoded(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError:
        pass
    try:
        text = data.decode("cp949")
    except UnicodeDecodeError:
        text = ""
    if not is_korean(text):
        raise Unreadable("UTF-8도 CP949(EUC-KR)도 아닙니다. UTF-8로 저장해 주세요")
    return Decoded(text, "cp949")


def is_korean(text: str) -> bool:
    """Say whether a text read as CP949 is Korean, and not another code page taken for it.

    Other code pages turn into Hanja, rare syllables and lone letters; Korean is mostly the
    syllables that everybody uses.
    """
    syllables = strange = common = 0
    for c in text:
        if c.isascii() or c in _LAUGHTER or not unicodedata.category(c).startswith("L"):
            continue
        if "가" <= c <= "힣" and _is_usual(c):
            syllables += 1
            common += c in _COMMON
        else:
            strange += 1
    if not syllables or strange > (syllables + strange) * _MOST_STRANGE:
        return False
    return syllables < _JUDGED or common >= syllables * _LEAST_COMMON


def _is_usual(syllable: str) -> bool:
    # The 2,350 syllables of KS X 1001 have two bytes; the codec spells the others out in eight.
    return len(syllable.encode("euc_kr", "replace")) == _TWO_BYTES


def _strict(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        name = encoding.removesuffix("-sig").upper()
        raise Unreadable(f"{name}라고 표시되어 있지만 {name}로 읽을 수 없습니다") from None


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
