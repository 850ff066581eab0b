"""Words that a text must not use."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence


def find_banned(text: str, words: Sequence[str]) -> list[str]:
    """Return the words of `words` that the text uses, in their order.

    Case, Unicode form and white space inside a word do not matter. A word that begins with Hangul
    is found only where a Hangul word begins, so that it may carry particles but never stands in
    the middle of another word.
    """
    plain = unicodedata.normalize("NFC", text).casefold()
    return [word for word in words if _pattern(word).search(plain)]


def _pattern(word: str) -> re.Pattern[str]:
    letters = [c for c in unicodedata.normalize("NFC", word).casefold() if not c.isspace()]
    body = r"\s*".join(re.escape(letter) for letter in letters)
    start = r"(?<![가-힣])" if letters and "가" <= letters[0] <= "힣" else ""
    return re.compile(start + body)
