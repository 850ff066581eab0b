"""Speech level read off an analyser's morphemes, by the form of the last ending."""

from __future__ import annotations

from collections.abc import Sequence

from fabula.korean.analyzer import Morpheme
from fabula.korean.endings import NEUTRAL, Reading, Register

# What may stand after the last ending without closing the sentence itself: marks, adverbs,
# interjections, and the 만 of 합니다만.
_TRAILING_TAGS = ("S", "W_", "Z_", "IC", "MAG", "MAJ")
_VOCATIVE = "JKV"

# In order: the first row with a matching tail decides. Kiwi writes a bare final consonant as a
# conjoining jamo (ᆸ니다), which NFC leaves as it is.
_BY_TAIL: tuple[tuple[tuple[str, ...], Register, tuple[Register, ...]], ...] = (
    (("ᆸ디다", "습디다", "ᆸ디까", "습디까", "ᆯ시다", "구려"), "hao", ()),
    (("ᆸ니다", "습니다", "ᆸ니까", "습니까", "ᆸ시오", "읍시오", "십시오"), "hamnida", ()),
    (("ᆸ시다", "읍시다", "ᆸ쇼", "소서", "슴다"), "hamnida", ()),
    (("요", "죠"), "haeyo", ()),
    (("오", "소"), "hao", ()),
    (("더라고",), "banmal", ()),
    (("는데", "ᆫ데", "은데", "니까", "ᆷ", "음", "기", "고", "ᆫ지", "는지", "ᆯ지"), "neutral", ()),
    (("자", "냐", "니", "라", "구나", "ᆫ가", "는가", "은가", "던가", "렴"), "harache", ("banmal",)),
    (("다",), "harache", ()),
    (("까", "나"), "banmal", ("harache",)),
)
# Kiwi tags these EC where no full stop follows, although they close the sentence.
_CLOSING_CONNECTIVES = frozenset(("ᆸ니다", "습니다", "소", "오"))
# 사랑해 정말 and 그것을 위하여 end alike to Kiwi: the word itself must tell.
_UNDECIDED = frozenset(("어", "지"))


def read_morphemes(morphemes: Sequence[Morpheme], afterthought: Sequence[bool]) -> Reading | None:
    """Read the last ending; `afterthought[i]` says that morpheme i belongs to a word said after.

    None where the tags leave open whether it is an ending or a connective.
    """
    for index in range(len(morphemes) - 1, -1, -1):
        morpheme = morphemes[index]
        found = _ending(morpheme)
        if found:
            return found
        if morpheme.tag == "EC" and morpheme.form in _UNDECIDED:
            return None
        if not _trails(morpheme) and not afterthought[index]:
            return NEUTRAL
    return NEUTRAL


def _ending(morpheme: Morpheme) -> Reading | None:
    form = morpheme.form
    if morpheme.tag == "JX" and form == "요":
        return Reading("haeyo")
    if (
        morpheme.tag == "EC"
        and form not in _CLOSING_CONNECTIVES
        and not form.endswith(("요", "죠"))
    ):
        return None
    if morpheme.tag not in ("EF", "EC"):
        return None
    for tails, register, accepted in _BY_TAIL:
        if form.endswith(tails):
            return Reading(register, accepted)
    return Reading("banmal")


def _trails(morpheme: Morpheme) -> bool:
    if morpheme.tag.startswith(_TRAILING_TAGS) or morpheme.tag == _VOCATIVE:
        return True
    return (morpheme.tag, morpheme.form) == ("JX", "만")
