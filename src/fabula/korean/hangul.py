"""Syllables taken apart: whether a character is Hangul, its vowel and its final consonant."""

from __future__ import annotations

import unicodedata

_FIRST = 0xAC00
_LAST = 0xD7A3
_VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_FINALS: tuple[str, ...] = ("", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")


def nfc(text: str) -> str:
    """Compose the text, so that a syllable is one character whatever the source used."""
    return unicodedata.normalize("NFC", text)


def is_syllable(char: str) -> bool:
    return len(char) == 1 and _FIRST <= ord(char) <= _LAST


def vowel(char: str) -> str:
    """Return the vowel of a syllable; "" for any other character."""
    if not is_syllable(char):
        return ""
    return _VOWELS[(ord(char) - _FIRST) // len(_FINALS) % len(_VOWELS)]


def final(char: str) -> str:
    """Return the final consonant of a syllable; "" for an open one or another character."""
    if not is_syllable(char):
        return ""
    return _FINALS[(ord(char) - _FIRST) % len(_FINALS)]
