"""Particles in the form that a noun's last sound asks for: 책은, 바다는, 서울로, LG와."""

from __future__ import annotations

import re

from fabula.errors import BadInput
from fabula.korean.hangul import nfc
from fabula.korean.quotes import spans
from fabula.korean.reading import last_sound

_PAIRS = (
    ("은", "는"),
    ("이", "가"),
    ("을", "를"),
    ("과", "와"),
    ("으로", "로"),
    ("이라", "라"),
    ("이라고", "라고"),
    ("이라는", "라는"),
    ("이에요", "예요"),
    ("이다", "다"),
    ("이야", "야"),
    ("아", "야"),
    ("이여", "여"),
    ("이나", "나"),
    ("이며", "며"),
    ("이고", "고"),
    ("이랑", "랑"),
    ("이든", "든"),
)
# 야 alone is the vocative of 아/야, 이 alone the subject's.
_BY_NAME = (
    {after_final: (after_final, after_vowel) for after_final, after_vowel in _PAIRS}
    | {after_vowel: (after_final, after_vowel) for after_final, after_vowel in _PAIRS}
    | {
        f"{after_final}/{after_vowel}": (after_final, after_vowel)
        for after_final, after_vowel in _PAIRS
    }
    | {"이/": ("이", "")}
)
_SILENT = re.compile(r"""[\s"'`”’」』》〉»)\]）】.,!?…·~*_]+$""")


def attach(noun: str, particle: str) -> str:
    """Return the noun with the form of `particle` that its last sound asks for.

    `particle` is either form (은, 는) or both (은/는); 으로/로 follows the rule for ㄹ, and `이/`
    is the joining 이 that vowels drop. Digits and Latin letters are read aloud in Korean, words
    by a rule of thumb. Closing quotes are passed over; a bracket behind a word is, as the
    orthography wants, no part of it: 한강(漢江)은. Where the last sound cannot be known (emoji,
    hanja) both forms are written: 漢江은(는).
    """
    if particle not in _BY_NAME:
        known = ", ".join(f"{first}/{second}" for first, second in _PAIRS)
        raise BadInput(
            "particle",
            f"got `{particle}`, wanted one of {known}",
            f"`{particle}`은(는) 알 수 없는 조사입니다. 쓸 수 있는 조사: {known}",
        )
    if not noun.strip():
        raise BadInput(
            "noun", "got no text, wanted a word to attach to", "조사를 붙일 말이 비어 있습니다"
        )
    after_final, after_vowel = _BY_NAME[particle]
    sound = last_sound(_heard(nfc(noun)))
    if sound is None:
        return f"{noun}{after_final}({after_vowel})" if after_vowel else noun + after_final
    if sound == "" or (sound == "ㄹ" and after_final == "으로"):
        return noun + after_vowel
    return noun + after_final


def _heard(noun: str) -> str:
    """Drop what is not read aloud at the end: closing marks, and a bracket behind a word."""
    trimmed = noun.rstrip()
    whole = spans(trimmed)
    last = whole[-1] if whole else None
    if last and not last.quoted and last.end == len(trimmed) and trimmed[: last.start].strip():
        return _heard(trimmed[: last.start])
    return _SILENT.sub("", trimmed)
