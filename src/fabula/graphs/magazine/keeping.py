"""What a polish may not lose: numbers with their units, names, quoted words, citations."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from fabula.documents.magazine import Post, WrittenSection
from fabula.korean.hangul import nfc

_FIGURE = r"\d+(?:[.,:]\d+)*"
_SCALED = rf"(?:\s?[십백천만억조]+(?:\s?{_FIGURE})?)*"
_UNIT = (
    r"(?:퍼센트|프로|킬로미터|센티미터|밀리미터|킬로그램|밀리리터|제곱미터|리터|그램|미터|"
    r"개월|주일|시간|년대|번째|가지|마리|그루|포기|자루|그릇|조각|켤레|송이|바퀴|걸음|군데|"
    r"년|월|일|시|분|초|살|세|명|인|개|권|장|대|번|회|곳|집|채|칸|층|평|석|잔|병|컷|쪽|편|줄|호|위|"
    r"원|달러|엔|유로|도|배|점|단|벌|판|통|되|근|kg|km|cm|mm|ml|m²|㎡|g|m|L|%|℃|°C)"
)
_DIGITS = re.compile(rf"{_FIGURE}{_SCALED}(?:\s?{_UNIT})?")
_COUNTS = (
    "열한|열두|열세|열네|열다섯|열여섯|열일곱|열여덟|열아홉|스물한|스물두|스물|스무|서른|마흔|쉰|예순|일흔|여든|아흔|"
    "한두|두세|서너|너댓|한|두|세|네|다섯|여섯|일곱|여덟|아홉|열"
)
_PARTICLE = (
    r"(?:은|는|이|가|을|를|과|와|도|만|의|에|에서|에게|으로|로|까지|부터|마다|씩|쯤|째|이나|나|이다|입니다|이에요|예요|"
    r"뿐|보다|처럼|짜리|이고|이며|동안|간|남짓|정도)"
)
_WORDS = re.compile(rf"(?<![가-힣])(?:{_COUNTS})\s?{_UNIT}(?={_PARTICLE}{{0,2}}(?![가-힣]))")
_QUOTED = re.compile(
    r"“([^“”]+)”|‘([^‘’]+)’|「([^「」]+)」|『([^『』]+)』|《([^《》]+)》|〈([^〈〉]+)〉|\"([^\"\n]+)\""
)
_LATIN = re.compile(r"[A-Za-z][A-Za-z0-9.&'+-]*[A-Za-z0-9+]|[A-Za-z]")
_WORD = re.compile(r"[가-힣A-Za-z0-9]{2,}")
_ENDINGS = re.compile(
    r"(?:에서는|에서|에게|으로|까지|부터|처럼|이라는|라는|은|는|이|가|을|를|과|와|도|만|의|에|로)$"
)


def lost(
    before: WrittenSection, after: WrittenSection, *, cited: Sequence[Post], sources: Sequence[Post]
) -> list[str]:
    """Return what `after` lost of `before`, or made up, in Korean, in the order of the page.

    Each paragraph is held against itself: a fact stays with the post that it rests on. `cited` are
    the posts that the section rests on, `sources` all of them.
    """
    if [one.post_ids for one in before.paragraphs] != [one.post_ids for one in after.paragraphs]:
        return ["문단의 인용이 달라졌습니다"]
    if before.quote != after.quote:
        return ["따온 말이 달라졌습니다"]
    known = names(cited, sources)
    found = _compared(before.heading, after.heading, known)
    for old, new in zip(before.paragraphs, after.paragraphs, strict=True):
        found += _compared(old.text, new.text, known)
    return list(dict.fromkeys(found))


def names(cited: Sequence[Post], sources: Sequence[Post]) -> tuple[str, ...]:
    """Return the names that the cited posts bring: authors, titles, and a title's own words.

    A word of a title is a name where no other source uses it: 느린서가 is, 가을 hardly ever.
    """
    found: list[str] = []
    for post in cited:
        found += [_plain(post.author or ""), _plain(post.title)]
        others = [f"{one.title} {one.text}" for one in sources if one.id != post.id]
        stems = (_ENDINGS.sub("", word) for word in _WORD.findall(nfc(post.title)))
        found += [
            stem for stem in stems if len(stem) > 1 and not any(stem in other for other in others)
        ]
    return tuple(dict.fromkeys(name for name in found if name))


def numbers(text: str) -> Counter[str]:
    """Count the numbers of a text with their scale and unit: 1만 2,000원, 열한 시, 4년."""
    text = nfc(text)
    found = [match[0] for match in _DIGITS.finditer(text)]
    found += [match[0] for match in _WORDS.finditer(text)]
    return Counter(re.sub(r"[\s,]", "", one) for one in found)


def _compared(before: str, after: str, known: Iterable[str]) -> list[str]:
    old, new = _plain(before), _plain(after)
    had, has = numbers(old), numbers(new)
    found = [f"수가 사라졌습니다: {one}" for one in had - has]
    found += [f"없던 수가 생겼습니다: {one}" for one in has - had]
    quoted = ("".join(match.groups(default="")) for match in _QUOTED.finditer(old))
    found += [f"따옴표 안의 말이 달라졌습니다: {one}" for one in quoted if one not in new]
    latin = Counter(_LATIN.findall(new))
    found += [f"이름이 사라졌습니다: {one}" for one in Counter(_LATIN.findall(old)) - latin]
    found += [f"이름이 사라졌습니다: {one}" for one in known if one in old and one not in new]
    return found


def _plain(text: str) -> str:
    return " ".join(nfc(text).split())
