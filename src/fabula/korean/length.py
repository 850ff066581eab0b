"""Length as a reader counts it: what looks like one character counts as one."""

from __future__ import annotations

import unicodedata

from fabula.korean.hangul import nfc

_ZWJ = "\u200d"
# Hangul fillers are letters to Unicode and blank to a reader: they count as spaces.
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")
_INVISIBLE = frozenset("\u200b\u2060\ufeff\u00ad\u200e\u200f")
_SKIN = range(0x1F3FB, 0x1F400)
_TAGS = range(0xE0020, 0xE0080)
_FLAGS = range(0x1F1E6, 0x1F200)
_LEADING = (range(0x1100, 0x1160), range(0xA960, 0xA97D))
_VOWEL_JAMO = (range(0x1160, 0x11A8), range(0xD7B0, 0xD7C7))
_FINAL_JAMO = (range(0x11A8, 0x1200), range(0xD7CB, 0xD7FC))
_SYLLABLES = range(0xAC00, 0xD7A4)


def count_characters(text: str, *, spaces: bool) -> int:
    """Count the characters that a reader sees, after NFC.

    Combining marks, emoji sequences and old Hangul written in jamo count as one; zero-width
    characters count as none. `spaces=False` leaves out all white space, line breaks included.
    """
    found = graphemes(text)
    return len(found) if spaces else sum(not _blank(cluster) for cluster in found)


def graphemes(text: str) -> list[str]:
    """Cut the NFC text into what a reader sees as single characters; zero-width ones fall away."""
    clusters: list[str] = []
    for char in nfc(text):
        if char in _INVISIBLE:
            continue
        if clusters and _joins(clusters[-1], char):
            clusters[-1] += char
        else:
            clusters.append(char)
    return clusters


def _joins(cluster: str, char: str) -> bool:
    last = cluster[-1]
    if last in "\r\n" or char in "\r\n":
        return cluster == "\r" and char == "\n"
    if _extends(char):
        return True
    if last == _ZWJ:
        return unicodedata.category(char) == "So" or ord(char) in _FLAGS
    if ord(char) in _FLAGS:
        return len(cluster) == 1 and ord(last) in _FLAGS
    return _jamo_joins(ord(last), ord(char))


def _extends(char: str) -> bool:
    if char in (_ZWJ, "\u200c") or ord(char) in _SKIN or ord(char) in _TAGS:
        return True
    return unicodedata.category(char) in ("Mn", "Me", "Mc")


def _jamo_joins(last: int, code: int) -> bool:
    if _in(code, _VOWEL_JAMO):
        return _in(last, _LEADING) or _in(last, _VOWEL_JAMO)
    if _in(code, _FINAL_JAMO):
        return _in(last, _VOWEL_JAMO) or _in(last, _FINAL_JAMO) or last in _SYLLABLES
    return _in(code, _LEADING) and _in(last, _LEADING)


def _in(code: int, ranges: tuple[range, ...]) -> bool:
    return any(code in span for span in ranges)


def _blank(cluster: str) -> bool:
    return all(char.isspace() or char in _FILLERS for char in cluster)
