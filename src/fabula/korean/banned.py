"""Words that a text must not use, found however they are spaced, cased or composed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fabula.errors import BadInput
from fabula.korean.hangul import nfc

_HIDDEN = re.compile("[\u200b\u200c\u200d\u2060\ufeff\u00ad]")
# What may follow a word that was pulled apart (대 박이다): without this, 시 발음 would be a hit.
_PARTICLES = (
    "이다|입니다|이에요|예요|이야|이라|이고|이며|이란|에서|에게|까지|부터|처럼|만큼|하다|한|은|는|이|가|을|를|과|와|도"
    "|만|의|에|로|으로"
)


def find_banned(text: str, words: Sequence[str]) -> list[str]:
    """Return those of `words` that the text uses, as they were given, each once, in their order.

    Unicode form, case and zero-width characters do not matter. White space inside a banned word
    may be left out, doubled or broken over lines; a word pulled apart (대 박) is found where a
    word end or a particle follows it.

    A word that begins with Hangul counts only where a Hangul word begins: 대박 is found in
    대박이 and in 초-대박, not in 초대박. One that begins or ends with a Latin letter or a digit
    stands alone on that side: AI is found in AI로, not in said. Beginnings are not told apart:
    최고 is found in 최고기온 too, so ban 최고의 instead.
    """
    plain = _plain(text)
    found: list[str] = []
    for index, word in enumerate(words):
        parts = _plain(word).split()
        if not parts:
            raise BadInput(
                f"words[{index}]",
                "got an empty word, which every text contains; remove it",
                "빈 금지어는 모든 글에 들어맞습니다. 목록에서 지우세요",
            )
        if word not in found and _uses(plain, parts):
            found.append(word)
    return found


def _plain(text: str) -> str:
    return nfc(nfc(_HIDDEN.sub("", text)).casefold())


def _uses(plain: str, parts: Sequence[str]) -> bool:
    before, after = _before("".join(parts)[0]), _after("".join(parts)[-1])
    spaced = r"\s*".join(re.escape(part) for part in parts)
    if re.search(before + spaced + after, plain):
        return True
    apart = r"\s*".join(re.escape(char) for char in "".join(parts))
    return bool(re.search(f"{before}{apart}(?:{_PARTICLES})?(?![가-힣0-9a-z])", plain))


def _before(char: str) -> str:
    if "가" <= char <= "힣":
        return "(?<![가-힣])"
    if char.isdigit():
        return r"(?<![0-9])(?<![0-9][.,])"
    return "(?<![a-z0-9])" if "a" <= char <= "z" else ""


def _after(char: str) -> str:
    if char.isdigit():
        return r"(?![0-9])"
    return "(?![a-z0-9])" if "a" <= char <= "z" else ""
