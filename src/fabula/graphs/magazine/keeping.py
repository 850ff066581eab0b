"""What a polish may not lose: numbers with their units, names, quoted words, citations."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from fabula.documents.magazine import Post, WrittenSection
from fabula.korean.hangul import nfc
from fabula.korean.numbers import numbers, unit_of

_QUOTED = re.compile(
    r"“([^“”]+)”|‘([^‘’]+)’|「([^「」]+)」|『([^『』]+)』|《([^《》]+)》|〈([^〈〉]+)〉|\"([^\"\n]+)\"|"
    r"(?<![A-Za-z0-9])'([^'\n]+)'(?![A-Za-z0-9])"
)
_LATIN = re.compile(r"[A-Za-z][A-Za-z0-9.&'+-]*[A-Za-z0-9+]|[A-Za-z]")
_WORD = re.compile(r"[가-힣A-Za-z0-9]{2,}")
_ENDINGS = re.compile(
    r"(?:에서는|에서도|에서만|에서|에게는|에게도|에게|에는|에도|에만|으로는|로는|로도|으로|까지는|까지도|까지|"
    r"부터는|부터|처럼|보다|와는|과는|와도|과도|조차|마저|밖에|마다|이라는|라는|이라고|이라서|"
    r"입니다|이었습니다|이에요|예요|이었는데|였는데|이다|이고|이며|"
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
_HANGUL = re.compile(r"(?<![0-9A-Za-z가-힣%])[가-힣]{2,}")
# What follows a noun alone; 은, 는, 이, 을 and 도 end verbs too.
_OF_NOUNS = re.compile(
    r"에서(?:는|도|만)?|에게(?:는|도)?|에(?:는|도|만)?|(?:으로|로)(?:는|도)|와(?:는|도)?|과(?:는|도)?|"
    r"의|를|가|까지는|부터는|마저|조차|밖에|이라는|입니다|예요|이에요"
)
_NOUN_BEHIND = r"(?:에서|에게|에는|에도|의|과|와|를|을|에|으로|로|가|이라는|라는)(?![가-힣])"
_FREE = re.compile(r"무료|공짜|무상")
_PAIRED = re.compile(r"(?<![가-힣])([가-힣]{2,}?)(보다|에서|부터|까지)(?:는|도)?(?![가-힣])")
_FROM = ("에서", "부터")
# What ends a verb, an adjective or an adverb; a noun may end so too (가게, 동네, 할머니).
_INFLECTED = re.compile(
    r"(?:다|까|요|죠|네|지|고|며|면|서|게|히|던|니|려|러|듯|데|도록|지만|거나|든지|"
    r"어|아|여|해|와|워|져|쳐|겨|켜|혀|춰|둬|줘|봐|써|돼|내|대|들여|"
    r"[은는을]|[린른운킨긴낸든큰친쁜픈]|[했았었였던갔왔]|[했았었였갔왔][던을]|[한된할될]|있는|없는)$"
)
# Words that tell nothing of a source: a polish may turn them.
_COMMON = re.compile(
    "(?:사람|자신|처음|다음|하나|모두|때문|정도|이것|그것|지금|오늘|거기|여기|마지막|누군가|이유|방법|생각|"
    "소리|시간|경우|가운데|서로|우리|저희|그때|어디|아래|중간|이번|동안|모습|사실|이야기|얘기|이해|설명|그대로?|"
    "조금|거듭|나란히|천천히|오래|가까이?|아주|매우|다시|함께|바로|이미|아직|또한|역시|그리고|그러나|하지만|"
    "그런데|그래서|무척|제법|자주|가끔|항상|언제나|벌써|어느새|이제|그저|정말|가장|제일|꽤|거의|문득|"
    "겨우|오히려|비로소|결국|마침내|대신|아마|특히|더욱|훨씬|먼저|나중|잠시|잠깐|한참|물론|드디어|분명|"
    "계속|금방|곧장|혹시|만약|그래도|따라서|그러므로|그러자|무엇|누구|어떤|여러|모든|다른|온통|살짝|"
    "깜짝|그만큼|저마다|스스로|새로|일부러|가득|모습|뿐|마리|그루|가지|그날|이곳|그곳|여러분)"
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
    told = _plain(" ".join(f"{one.title} {one.text}" for one in sources))
    for post in cited:
        found += [_plain(post.author or ""), _plain(post.title)]
        others = [f"{one.title} {one.text}" for one in sources if one.id != post.id]
        stems = (_noun(word, told) for word in _WORD.findall(nfc(post.title)))
        found += [stem for stem in stems if stem and not any(stem in other for other in others)]
    return tuple(dict.fromkeys(name for name in found if name))


def _mentions(text: str, told: str) -> list[str]:
    """Return the people, the places and the nouns of a text that the posts (`told`) name too.

    No dictionary says which noun is a name, so each counts but the commonest. A word is held for
    a noun where a particle follows it, or where it does not end like a verb or an adverb.
    """
    found = [match[0] for match in _PERSON.finditer(text)]
    found += [match[1] for match in _ROLE_FIRST.finditer(text)]
    for word in _HANGUL.findall(text):
        stem = _noun(word, told)
        if stem and stem in told:
            found.append(stem)
    return list(dict.fromkeys(found))


def _noun(word: str, told: str) -> str | None:
    """Return a word without its particle, None where it is no noun or one of the commonest.

    A particle of nouns decides; else a word that ends like a verb is a noun only where the posts
    (`told`) put a noun's particle behind it.
    """
    stem = _ENDINGS.sub("", word)
    if len(stem) == 1 or _COMMON.fullmatch(stem):
        return None
    behind = word[len(stem) :]
    if _closed(word[:-2]) and word.endswith("다가"):
        return None
    if _OF_NOUNS.fullmatch(behind):
        return stem
    verbal = _INFLECTED.search(stem) if behind else _INFLECTED.search(word)
    if not verbal:
        return stem
    return stem if re.search(rf"(?<![가-힣]){re.escape(stem)}{_NOUN_BEHIND}", told) else None


def _closed(text: str) -> bool:
    """Tell whether the last syllable ends in a consonant: 닫았 of 닫았다가, not 바 of 바다가."""
    return bool(text) and "가" <= text[-1] <= "힣" and (ord(text[-1]) - ord("가")) % 28 != 0


def _compared(before: str, after: str, known: Iterable[str], told: str) -> list[str]:
    old, new = _plain(before), _plain(after)
    had, has = numbers(old), numbers(new)
    found = [f"수가 사라졌습니다: {one}" for one in Counter(had) - Counter(has)]
    found += [f"없던 수가 생겼습니다: {one}" for one in Counter(has) - Counter(had)]
    if not found and _in_order(had) != _in_order(has):
        found.append(f"수의 차례가 달라졌습니다: {', '.join(had)}")
    found += [f"따옴표 안의 말이 달라졌습니다: {one}" for one in _quoted(old) if one not in new]
    found += [f"없던 따옴말이 생겼습니다: {one}" for one in _quoted(new) if one not in old]
    latin = Counter(_LATIN.findall(new))
    found += [f"이름이 사라졌습니다: {one}" for one in Counter(_LATIN.findall(old)) - latin]
    named = [one for one in known if one in old]
    found += [f"이름이 사라졌습니다: {one}" for one in named if one not in new]
    # A stem may be a verb's (나누): it is called a word, which a name is too.
    words = [one for one in _mentions(old, told) if one not in named]
    found += [f"글에 있는 낱말이 사라졌습니다: {one}" for one in words if one not in new]
    found += [f"없던 이름이 생겼습니다: {one}" for one in _invented(old, new, told)]
    if set(_FREE.findall(old)) != set(_FREE.findall(new)):
        found.append("무료라는 말이 달라졌습니다")
    found += [f"견주거나 잇는 것이 뒤바뀌었습니다: {one}" for one in _swapped(old, new)]
    return found


def _invented(old: str, new: str, told: str) -> list[str]:
    """Return the people and the Latin words that neither the section nor its posts know."""
    people = [match[0] for match in _PERSON.finditer(new)]
    return [one for one in (*people, *_LATIN.findall(new)) if one not in old and one not in told]


def _swapped(old: str, new: str) -> list[str]:
    """Return what stood free or as a start and is now compared with, or an end (서울보다 부산)."""
    had, has = ({(m[1], m[2]) for m in _PAIRED.finditer(text)} for text in (old, new))
    found = []
    for noun, particle in sorted(has - had):
        starts = any((noun, one) in had for one in _FROM)
        compared = particle == "보다" and any(one == "보다" for _, one in had) and noun in old
        if compared or (particle == "까지" and starts):
            found.append(f"{noun}{particle}")
    return found


def _quoted(text: str) -> list[str]:
    return ["".join(match.groups(default="")) for match in _QUOTED.finditer(text)]


def _in_order(expressions: Sequence[str]) -> dict[str, list[str]]:
    """Sort numbers by unit: 서른 명 and 180포기 may change places, two prices may not."""
    found: dict[str, list[str]] = {}
    for one in expressions:
        found.setdefault(unit_of(one), []).append(one)
    return found


def _plain(text: str) -> str:
    return " ".join(nfc(text).split())
