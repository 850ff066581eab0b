"""Particles that follow a noun's last sound: 은/는, 이/가, 을/를, 과/와, 으로/로."""

from __future__ import annotations

import unicodedata

# (after a consonant, after a vowel)
PAIRS = (
    ("은", "는"),
    ("이", "가"),
    ("을", "를"),
    ("과", "와"),
    ("으로", "로"),
    ("이라", "라"),
    ("이에요", "예요"),
    ("이다", "다"),
    ("이", ""),
    ("아", "야"),
    ("이나", "나"),
    ("이며", "며"),
    ("이고", "고"),
)
_BASE, _LAST, _FINALS, _RIEUL = 0xAC00, 0xD7A3, 28, 8
_DIGITS = dict(zip("0123456789", "영일이삼사오육칠팔구", strict=True))
_LATIN = dict(
    zip(
        "abcdefghijklmnopqrstuvwxyz",
        "이 비 시 디 이 프 지 치 이 이 이 엘 엠 엔 오 피 큐 알 스 티 유 이 유 스 이 트".split(),
        strict=True,
    )
)
_SKIPPED = "\"'”’」』)]}>»…·"


def attach(noun: str, particle: str) -> str:
    """Return the noun with the form of `particle` (`은/는`, `으로/로`, …) that fits its end.

    Digits and Latin letters count as they are read aloud; closing quotes and brackets are passed
    over. ValueError for a particle that is not one of `PAIRS`, written `first/second`.
    """
    first, _, second = particle.partition("/")
    if (first, second) not in PAIRS:
        raise ValueError(f"`{particle}` is no particle pair; pairs: {PAIRS}")
    final = _final(noun)
    if final == 0 or (first == "으로" and final == _RIEUL):
        return noun + second
    return noun + first


def _final(noun: str) -> int:
    for character in reversed(unicodedata.normalize("NFC", noun)):
        if character in _SKIPPED or character.isspace():
            continue
        read = _DIGITS.get(character) or _LATIN.get(character.lower()) or character
        code = ord(read)
        return (code - _BASE) % _FINALS if _BASE <= code <= _LAST else 0
    return 0
