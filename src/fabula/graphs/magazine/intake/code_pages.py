"""Whether bytes read in an old encoding are words of a language, and not another one's taken so."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from functools import cache

_LAUGHTER = frozenset("ㄱㄴㄷㅂㅇㅅㅈㅋㅎㅉㅏㅓㅗㅜㅠㅡㅣ")
_COMMON = frozenset(
    "이다는을의가에고한지기로서은도를하사시리나어자인으면해스대요그수있것들과와만라"
)
_MOST_STRANGE = 0.15
_LEAST_COMMON = 0.15
_TWO_BYTES = 2
_JUDGED = 30
"""With fewer syllables than this, which ones they are says nothing."""
_SYLLABLES = re.compile("[가-힣]+")


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
    if syllables >= _JUDGED:
        return common >= syllables * _LEAST_COMMON
    return _stands_as_words(text)


@cache
def _is_usual(syllable: str) -> bool:
    # The 2,350 syllables of KS X 1001 have two bytes; the codec spells the others out in eight.
    return len(syllable.encode("euc_kr", "replace")) == _TWO_BYTES


def _stands_as_words(text: str) -> bool:
    """Tell few Korean words from accents and signs of the West that look like a syllable or two.

    `INFORMAÇÃO` and `±½ mm` become `INFORMA플O` and `굽 mm`.
    """
    runs = list(_SYLLABLES.finditer(text))
    inside = sum(text[one.end() : one.end() + 1].isascii() and _before_letter(one) for one in runs)
    if 2 * inside > len(runs):
        return False
    known = any(len(one[0]) > 1 or one[0] in _COMMON for one in runs)
    return known or not re.search("[A-Za-z]", text)


def _before_letter(run: re.Match[str]) -> bool:
    return run.string[run.end() : run.end() + 1].isalpha()


_ALPHABETS: Mapping[str, frozenset[str]] = {
    "french": frozenset("àâæçéèêëîïôœùûüÿ"),
    "german": frozenset("äöüßéà"),
    "spanish": frozenset("áéíóúüñ"),
    "catalan": frozenset("àçèéíïòóúü"),
    "portuguese": frozenset("áâãàçéêíóôõúü"),
    "italian": frozenset("àèéìíîòóùú"),
    "nordic": frozenset("åäöæøéüàè"),
    "dutch": frozenset("áéíóúëïöüèê"),
    "icelandic": frozenset("áðéíóúýþæö"),
    "loans": frozenset("éèêëçñïöüäáàâôåøíóœæ"),
}
_MOST_FOREIGN = 0.15
_MOST_ACCENTED = 0.45
_MOST_ODD = 0.05
_MOST_UNICODE = 0.1
_MOST_OF_A_WORD = 2 / 3
_WORD = re.compile(r"[^\W\d_]+")
_SIGN = re.compile(r"[^\x00-\x7f]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")
_UTF_8 = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_HIGH = re.compile(rb"[\x80-\xff]")
_FREE = frozenset("\xa0\xad‘’“”„–—…•«»‹›§©®™€£¥¢°·×÷±½¼¾¡¿´†‡‰")
"""Signs that a writer of the West puts into a text."""
_IN_WORDS = frozenset("\xa0\xad‘’–—…·´×")
_BEFORE_WORDS = frozenset("‚„¿¡«‹±½¼¾€£¥")
_BEFORE_NUMBERS = frozenset("±½¼¾€£¥¢")
_RAISED = frozenset("²³¹ºª")
_UNIT = 2
"""Letters that a raised figure stands behind: m², km²."""


def is_western(text: str, data: bytes) -> bool:
    """Say whether `data`, read as CP1252 into `text`, is a Western language's own text.

    Its accents stand in words, in the places and of the kinds that one language has them;
    Cyrillic, Greek, East Asian bytes, UTF-8 that is broken and what CP850, MacRoman and Central
    European pages write do not look so.
    """
    if _CONTROL.search(text):
        return False
    high = len(_HIGH.findall(data))
    if sum(map(len, _UTF_8.findall(data))) > high * _MOST_UNICODE:
        return False
    accents = Counter(c.lower() for c in text if not c.isascii() and c.isalpha() and c not in "ªº")
    letters = sum(c.isascii() and c.isalpha() for c in text)
    if accents.total() > (letters + accents.total()) * _MOST_ACCENTED or not letters:
        return False
    if _odd(text) > high * _MOST_ODD:
        return False
    foreign = (
        sum(times for c, times in accents.items() if c not in alphabet)
        for alphabet in _ALPHABETS.values()
    )
    return min(foreign) <= accents.total() * _MOST_FOREIGN


def _odd(text: str) -> int:
    """Count what stands where no Western text has it."""
    odd = 0
    for word in _WORD.findall(text):
        accented = sum(not c.isascii() for c in word)
        if accented and len(word) > 1 and accented > len(word) * _MOST_OF_A_WORD:
            odd += accented
    for found in _SIGN.finditer(text):
        c, at = found[0], found.start()
        before, after = text[max(0, at - 1) : at], text[at + 1 : at + 2]
        if c.isalpha() and c not in _RAISED:
            # `ItÕs` and `cafŽ` are other code pages' quotes and accents.
            odd += (c.isupper() and before.islower()) or c == "ƒ"
            # Portuguese writes `ões`; `erõs` is Hungarian, of a page where that letter is another.
            odd += c in "õÕ" and after not in "eE"
        elif c in _RAISED:
            odd += after.isalpha() or text[max(0, at - _UNIT - 1) : at].isalpha()
        elif c in _BEFORE_WORDS:
            odd += before.isalpha() or (c in _BEFORE_NUMBERS and after.isalpha())
            odd += (c == "¿" and "?" not in text) or (c == "¡" and "!" not in text)
        else:
            odd += c not in _FREE
            odd += c not in _IN_WORDS and before.isalpha() and after.isalpha()
    return odd


_LATIN = re.compile("[\x80-\xff€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]")
_LEAST_SCRAMBLED = 8
_REST = "[\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]"
_LEAST_LOST, _MOST_LOST = 3, 0.01
_LOST = re.compile("�|占쏙옙|ï¿½")
_SCRAMBLED = re.compile(f"[âêëìí]{_REST}{{2}}|[ÃÂ]{_REST}")
_MOST_SCRAMBLED = 0.02
_OF_CP1252 = {
    ord(bytes((byte,)).decode("cp1252")): byte
    for byte in range(0x80, 0xA0)
    if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)
}
_LEAST_SYLLABLES = 10


def unscrambled(text: str) -> str | None:
    """Return the text that was once read in a wrong encoding and saved so; None for any other.

    `ëŒ€í•œ` is Korean in UTF-8 that was read as CP1252, `´ëÇÑ` in CP949.
    """
    strange = len(text) - len(text.encode("ascii", "ignore"))
    if strange < _LEAST_SCRAMBLED or len(_LATIN.findall(text)) < strange:
        return None
    try:
        # What CP1252 leaves open was read as the control of that number.
        data = text.translate(_OF_CP1252).encode("latin-1")
    except UnicodeEncodeError:
        return None
    for encoding in ("utf-8", "cp949"):
        try:
            found = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8" or is_korean(found):
            return found
    return None


def is_lost(text: str) -> bool:
    """Say whether much of a text was lost when it was saved: � for letters, 占쏙옙, 숇꽕 梨낅갑."""
    lost = len(_LOST.findall(text))
    if lost >= _LEAST_LOST and lost > len(text) * _MOST_LOST:
        return True
    scrambled = len(_SCRAMBLED.findall(text))
    if scrambled >= _LEAST_SCRAMBLED and scrambled > len(text) * _MOST_SCRAMBLED:
        return True
    syllables = [c for run in _SYLLABLES.findall(text) for c in run]
    rare = sum(not _is_usual(c) for c in syllables)
    return len(syllables) >= _LEAST_SYLLABLES and rare > len(syllables) * _MOST_STRANGE


_HANGUL_OR_KANA = re.compile("[가-힣ㄱ-ㅣぁ-ヿ]")
_LIKELY = re.compile("[\t\n\r\x0c -~\xa0-\u024f가-힣ㄱ-ㅣぁ-ヿ‐-…、。「」『』·★☆♡♥！-～]")
_MOST_UNLIKELY = 0.1


def utf_16_without_mark(data: bytes) -> tuple[str, str] | None:
    """Return the text and the encoding of UTF-16 whose byte order nothing tells but its own text.

    None where it is no text in either order, or in both.
    """
    found = []
    if len(data) % 2:
        data = data.removesuffix(b"\0")
    for encoding in ("utf-16-le", "utf-16-be"):
        try:
            text = data.decode(encoding).rstrip("\0")
        except UnicodeDecodeError:
            continue
        if text and _is_likely(text):
            found.append((text, encoding))
    return found[0] if len(found) == 1 else None


def _is_likely(text: str) -> bool:
    likely = len(_LIKELY.findall(text))
    own = len(_HANGUL_OR_KANA.findall(text))
    # Hanja count among letters of Korean or Japanese: alone, they are what swapped bytes look like.
    hanja = sum("一" <= c <= "鿿" for c in text)
    emoji = sum(c >= "\U0001f000" or c in "\u200d\ufe0f" for c in text)
    likely += min(hanja, own) + min(emoji, likely)
    return likely >= len(text) * (1 - _MOST_UNLIKELY) and "\0" not in text
