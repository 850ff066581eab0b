"""The last sound of a word as a Korean reader says it: Hangul, digits, Latin, a few signs."""

from __future__ import annotations

import re

from fabula.korean.hangul import final, is_syllable

_NUMBER = re.compile(r"[0-9][0-9,]*(\.[0-9]+)?$")
_UNIT = re.compile(r"[0-9]\s*([A-Za-z]{1,2})$")
_LATIN = re.compile(r"[A-Za-zÀ-ÖØ-öø-ÿ]+$")
# 영 일 이 삼 사 오 육 칠 팔 구
_DIGITS = ("ㅇ", "ㄹ", "", "ㅁ", "", "", "ㄱ", "ㄹ", "ㄹ", "")
# 십 백 천, then 만, 억, 조, 경 for every four zeros
_TENS = ("", "ㅂ", "ㄱ", "ㄴ")
_MYRIADS = ("", "ㄴ", "ㄱ", "", "ㅇ")
_LETTERS = {"L": "ㄹ", "R": "ㄹ", "M": "ㅁ", "N": "ㄴ"}
_UNITS = frozenset(
    ("g", "kg", "mg", "m", "km", "cm", "mm", "L", "ml", "mL", "KB", "MB", "GB", "TB")
)
_GRAMS = ("g", "㎏", "㎎")
_VOWEL_SIGNS = "%℃°+&㎡㎞㎝㎜"
# The first matching tail decides; a word that matches none ends in a vowel (으 is added: 마스크).
_WORD_TAILS = (
    (re.compile(r"(?:l|le)$"), "ㄹ"),
    (re.compile(r"(?:ng|ngue)$"), "ㅇ"),
    (re.compile(r"(?:m|[aeiou]me|mb)$"), "ㅁ"),
    (re.compile(r"(?:n|[aeiou]ne|gn)$"), "ㄴ"),
    (re.compile(r"(?:ck|ic|ac|(?:^|[^aeiou])(?:[aeiou]|oo)k)$"), "ㄱ"),
    (re.compile(r"(?:[^aeiou]|^)[aeiou]p{1,2}$"), "ㅂ"),
    (re.compile(r"(?:(?:[^aeiou]|^)[aeou]b)$"), "ㅂ"),
    (re.compile(r"(?:(?:[^aeiou]|^)[aeiou]t)$"), "ㅅ"),
)


def last_sound(word: str) -> str | None:
    """Return the final consonant that is heard at the end of `word`; "" where it ends in a vowel.

    None where nobody can say: an empty word, emoji, hanja. Latin words in capitals are spelled
    out (LG 엘지); others follow a rule of thumb that knows the common endings (Apple 애플, blog
    블로그) and errs on rare ones.
    """
    last = word[-1:]
    if is_syllable(last):
        return final(last)
    unit = _UNIT.search(word)
    if (unit and unit[1] in _UNITS) or (last and last in _VOWEL_SIGNS) or last in ("㎏", "㎎"):
        # 그램 and its kin; all other units and signs end in a vowel (미터, 리터, 퍼센트).
        return "ㅁ" if last in _GRAMS else ""
    number = _NUMBER.search(word)
    if number:
        return _number(number[0], decimal=bool(number[1]))
    latin = _LATIN.search(word)
    return _latin(latin[0]) if latin else None


def _number(written: str, *, decimal: bool) -> str:
    digits = written.replace(",", "")
    zeros = len(digits) - len(digits.rstrip("0"))
    # Decimals and numbers with a leading zero (010, 007) are read digit by digit.
    if decimal or zeros == 0 or digits[0] == "0":
        return _DIGITS[int(digits[-1])]
    return _TENS[zeros] if zeros < len(_TENS) else _MYRIADS[zeros // 4 % len(_MYRIADS)]


def _latin(word: str) -> str:
    if word.isupper():
        return _LETTERS.get(word[-1], "")
    lowered = word.lower()
    return next((sound for tail, sound in _WORD_TAILS if tail.search(lowered)), "")
