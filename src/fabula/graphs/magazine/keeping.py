"""What a polish may not lose: numbers with their units, names, quoted words, citations."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from fabula.documents.magazine import Post, WrittenSection
from fabula.korean.hangul import nfc
from fabula.korean.numbers import numbers

_QUOTED = re.compile(
    r"“([^“”]+)”|‘([^‘’]+)’|「([^「」]+)」|『([^『』]+)』|《([^《》]+)》|〈([^〈〉]+)〉|\"([^\"\n]+)\""
)
_LATIN = re.compile(r"[A-Za-z][A-Za-z0-9.&'+-]*[A-Za-z0-9+]|[A-Za-z]")
_WORD = re.compile(r"[가-힣A-Za-z0-9]{2,}")
_ENDINGS = re.compile(
    r"(?:에서는|에서도|에서|에게|으로|까지|부터|처럼|보다|이라는|라는|입니다|이다|이고|이며|"
    r"은|는|이|가|을|를|과|와|도|만|의|에|로)$"
)
_ROLE = (
    r"(?:씨|님|작가|대표|선생|사장|교수|기자|감독|시인|화가|소설가|가수|배우|박사|원장|관장|"
    r"점장|셰프|디자이너|편집자|사진가)"
)
_PERSON = re.compile(rf"[가-힣]{{1,3}}[가-힣](?<![면고며던다])\s?{_ROLE}(?![가-힣]{{4}})")
_ROLE_FIRST = re.compile(
    rf"(?:{_ROLE}|주인)\s([가-힣]{{2,4}}?)(?:[은는이가을를과와의]|\s씨)?(?![가-힣])"
)
_PLACE = re.compile(r"[가-힣](?:[동구시군읍면리로길역산강천섬]|공원|시장)$")
_HANGUL = re.compile(r"[가-힣]{2,}")
_OF_NOUNS = ("에서", "에게", "에서는", "에서도", "의", "과", "와", "를", "가", "에")
# What ends a verb, an adjective or an adverb rather than a noun.
_INFLECTED = re.compile(
    r"(?:다|고|며|면|서|게|히|던|[은는을]|[했았었였]던|지만|니다|어요|아요|해요|한|할|된|될|있는|없는)$"
)
# Words that tell nothing of a source: a polish may turn them.
_COMMON = re.compile(
    "(?:사람|자신|처음|다음|하나|모두|때문|정도|이것|그것|지금|오늘|거기|여기|마지막|누군가|이유|방법|생각|"
    "소리|시간|경우|가운데|서로|우리|저희|그때|어디|아래|중간|이번|동안|모습|사실|이야기|얘기|이해|설명|그대로?|"
    "조금|거듭|나란히|천천히|오래|가까이?|아주|매우|다시|함께|바로|이미|아직|또한|역시|그리고|그러나|하지만|"
    "그런데|그래서|무척|제법|자주|가끔|항상|언제나)"
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
    told = _plain(" ".join(f"{post.title} {post.text}" for post in cited))
    found = _compared(before.heading, after.heading, known, told)
    for old, new in zip(before.paragraphs, after.paragraphs, strict=True):
        found += _compared(old.text, new.text, known, told)
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


def _mentions(text: str, told: str) -> list[str]:
    """Return the people, the places and the nouns of a text that the posts (`told`) name too.

    No dictionary says which noun is a name, so each counts but the commonest. A word is held for
    a noun where a particle follows it, or where it does not end like a verb or an adverb.
    """
    found = [match[0] for match in _PERSON.finditer(text)]
    found += [match[1] for match in _ROLE_FIRST.finditer(text)]
    for word in _HANGUL.findall(text):
        stem = _ENDINGS.sub("", word)
        if len(stem) == 1 or stem not in told or _COMMON.fullmatch(stem):
            continue
        sure = word[len(stem) :] in _OF_NOUNS or _PLACE.search(stem) or _PLACE.search(word)
        if sure or not _INFLECTED.search(stem):
            found.append(stem)
    return list(dict.fromkeys(found))


def _compared(before: str, after: str, known: Iterable[str], told: str) -> list[str]:
    old, new = _plain(before), _plain(after)
    had, has = numbers(old), numbers(new)
    found = [f"수가 사라졌습니다: {one}" for one in Counter(had) - Counter(has)]
    found += [f"없던 수가 생겼습니다: {one}" for one in Counter(has) - Counter(had)]
    if not found and had != has:
        found.append(f"수의 차례가 달라졌습니다: {', '.join(had)}")
    quoted = ("".join(match.groups(default="")) for match in _QUOTED.finditer(old))
    found += [f"따옴표 안의 말이 달라졌습니다: {one}" for one in quoted if one not in new]
    latin = Counter(_LATIN.findall(new))
    found += [f"이름이 사라졌습니다: {one}" for one in Counter(_LATIN.findall(old)) - latin]
    named = [one for one in known if one in old] + _mentions(old, told)
    found += [f"이름이 사라졌습니다: {one}" for one in named if one not in new]
    return found


def _plain(text: str) -> str:
    return " ".join(nfc(text).split())
