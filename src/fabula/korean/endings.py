"""The plain rule: which speech level the last word of a sentence carries.

No dictionary is asked, so the same text gives the same answer on every machine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from fabula.korean import lexicon
from fabula.korean.hangul import final, vowel

Register = Literal["hamnida", "haeyo", "banmal", "harache", "hao", "neutral"]


class Reading(NamedTuple):
    """What a word's ending says.

    `accepted` names levels in which the same ending is at home too (가자 in 해라체 and in 반말).
    A `weak` ending yields to a clear one in the word before it (고마워 루나야).
    """

    register: Register
    accepted: tuple[Register, ...] = ()
    weak: bool = False


NEUTRAL = Reading("neutral")
_HAMNIDA = Reading("hamnida")
_HAEYO = Reading("haeyo")
_BANMAL = Reading("banmal")
_BANMAL_TOO_PLAIN = Reading("banmal", ("harache",))
_PLAIN = Reading("harache")
_PLAIN_TOO_BANMAL = Reading("harache", ("banmal",))
_HAO = Reading("hao")

# No noun that ends in 어 or 아 has these before it: 씻어, 뺏어, 맞아, 좋아, 볶아.
_VERB_FINALS = frozenset("ㄲㄵㄶㄷㄺㄻㄼㄾㄿㅀㅄㅅㅆㅈㅊㅌㅍㅎ")
_AFTER_CONDITION = frozenset("면야도게을를안")

# A quoted span inside a sentence stands as this mark: 제목은 「바다」다 ends in 다, not in 바다.
QUOTED = "□"


def read_ending(word: str, before: str = "") -> Reading:
    """Read the ending of `word`, which stands after the word `before`; both NFC and stripped."""
    word = _without_coda_slang(word)
    rule = _RULES.get(word[-1:])
    found = rule(word, before) if rule else NEUTRAL
    if found is NEUTRAL and word.endswith(lexicon.BANMAL_TAILS):
        return _BANMAL
    return found


def _without_coda_slang(word: str) -> str:
    """Undo the consonants that chat hangs on an ending: 했어용, 합니당, 그렇죵, 하세여."""
    if word[-2:] == "니당":
        return word[:-1] + "다"
    if word[-2:-1] and word[-2] in "어아해네세지예에데" and word[-1] in "용염욤":
        return word if word[-2:] == "어용" and len(word) == 2 else word[:-1] + "요"  # noqa: PLR2004
    if word[-2:] in ("세여", "네여", "에여", "예여", "어여", "해여"):
        return word[:-1] + "요"
    return word[:-1] + "죠" if word.endswith("죵") else word


def _stem(word: str, length: int = 1) -> str:
    """Return the syllable before the ending; "" where there is none."""
    return word[-length - 1 : -length]


def _da(word: str, before: str) -> Reading:
    stem, inner = _stem(word), final(_stem(word, 2))
    if inner == "ㅂ" and stem in ("니", "시", "디") and not word[:-1].endswith(lexicon.PSIDA_TAILS):
        return _HAO if stem == "디" else _HAMNIDA
    if word.endswith("올시다"):
        return _HAO
    if word.endswith(("슴다", "임다", "함다")):
        return _HAMNIDA
    if word in lexicon.DA_WHOLE or word.endswith(lexicon.DA_TAILS):
        return NEUTRAL
    return NEUTRAL if stem == "보" and not _verb_boda(word, before) else _PLAIN


def _verb_boda(word: str, before: str) -> bool:
    """Tell 살펴보다 from 무엇보다: the verb follows an open stem in ㅏ, ㅓ or their kin."""
    stem = _stem(word, 2)
    if not stem:
        return bool(before)
    return (
        word[:-2] not in lexicon.BODA_PRONOUNS and not final(stem) and vowel(stem) in "ㅏㅓㅕㅐㅘㅝ"
    )


def _yo(word: str, before: str) -> Reading:
    if word.endswith("십시요"):
        return _HAMNIDA
    if word.endswith("개요") and (before in lexicon.COUNTING or before[-1:].isdigit()):
        return _HAEYO
    if word in lexicon.YO_WHOLE or word.endswith(lexicon.YO_TAILS):
        return NEUTRAL
    if word == "안녕하세요":
        # The set greeting opens texts of either polite level.
        return Reading("haeyo", ("hamnida",))
    return _HAEYO


def _kka(word: str, _before: str) -> Reading:
    if _stem(word) in ("니", "디") and final(_stem(word, 2)) == "ㅂ":
        return _HAMNIDA if _stem(word) == "니" else _HAO
    return _BANMAL_TOO_PLAIN if final(_stem(word)) == "ㄹ" else NEUTRAL


def _o(word: str, before: str) -> Reading:
    if word.endswith("십시오"):
        return _HAMNIDA
    if word.endswith(lexicon.O_NOUNS):
        return NEUTRAL
    if word.endswith(lexicon.O_TAILS) or (word in ("가오", "보오", "사오") and before):
        return _HAO
    return NEUTRAL


def _so(word: str, _before: str) -> Reading:
    stem = _stem(word)
    return _HAO if final(stem) == "ㅆ" or stem in lexicon.SO_STEMS else NEUTRAL


def _ryeo(word: str, _before: str) -> Reading:
    return _HAO if word.endswith("구려") and not word.endswith("고구려") else NEUTRAL


def _ja(word: str, before: str) -> Reading:
    if word == "자":
        return _BANMAL if before in lexicon.SLEEP_AFTER else NEUTRAL
    if word.endswith(lexicon.JA_TAILS) or word == "가자":
        return _PLAIN_TOO_BANMAL
    if word in lexicon.JA_AFTER_OBJECT and _object_or_adverb(before):
        return _PLAIN_TOO_BANMAL
    if word.endswith("보자") and _verb_boda(word, before):
        return _PLAIN_TOO_BANMAL
    return NEUTRAL


def _ra(word: str, before: str) -> Reading:
    if word in lexicon.LA_AFTER_OBJECT:
        return _PLAIN_TOO_BANMAL if _object_or_adverb(before) else NEUTRAL
    if word.endswith(lexicon.LA_TAILS) and word not in lexicon.LA_WHOLE:
        return _PLAIN_TOO_BANMAL
    return NEUTRAL


def _object_or_adverb(before: str) -> bool:
    return bool(before) and before[-1] in "을를로에도지고게록어아여해히이만서려야"


def _nya(word: str, _before: str) -> Reading:
    return NEUTRAL if word.endswith(lexicon.NYA_TAILS) else _PLAIN_TOO_BANMAL


def _ni(word: str, _before: str) -> Reading:
    stem = _stem(word)
    if word.endswith(lexicon.NI_TAILS) or not stem:
        return NEUTRAL
    return _PLAIN_TOO_BANMAL if stem in "하있없했었았겠갔왔" else NEUTRAL


def _ga(word: str, before: str) -> Reading:
    if word in lexicon.BANMAL_AFTER_WORD:
        return _BANMAL if before else NEUTRAL
    if final(_stem(word)) == "ㄴ" and not word.endswith(lexicon.GA_TAILS):
        return _PLAIN_TOO_BANMAL
    return NEUTRAL


def _na(word: str, _before: str) -> Reading:
    if word.endswith("구나") and not word.endswith("누구나"):
        return _PLAIN_TOO_BANMAL
    return _BANMAL_TOO_PLAIN if final(_stem(word)) in ("ㅆ", "ㅄ") else NEUTRAL


def _gun(word: str, _before: str) -> Reading:
    stem = _stem(word)
    known = stem in ("는", "이", "하") or final(stem) in ("ㅆ", "ㅄ", "ㅎ", "ㄶ")
    return _BANMAL if stem and known else NEUTRAL


def _ne(word: str, _before: str) -> Reading:
    stem = _stem(word)
    if not stem or word.endswith(lexicon.NE_TAILS):
        return NEUTRAL
    return _BANMAL if final(stem) not in ("", "ㅇ") or stem in lexicon.NE_STEMS else NEUTRAL


def _ji(word: str, before: str) -> Reading:
    stem = _stem(word)
    if word.endswith(lexicon.PAGE_TAILS):
        return NEUTRAL
    if word in lexicon.JI_VERBS:
        return _BANMAL if before[-1:] in _AFTER_CONDITION else NEUTRAL
    if final(stem) in ("ㅆ", "ㅄ", "ㅎ", "ㄶ", "ㅀ", "ㅌ", "ㅍ", "ㅈ") or stem in lexicon.JI_STEMS:
        return _BANMAL
    return _BANMAL if word.endswith(lexicon.JI_TAILS) else NEUTRAL


def _eo(word: str, _before: str) -> Reading:
    stem = _stem(word)
    return _BANMAL if final(stem) in _VERB_FINALS or stem in lexicon.EO_STEMS else NEUTRAL


def _a(word: str, _before: str) -> Reading:
    stem = _stem(word)
    return _BANMAL if final(stem) in _VERB_FINALS or stem in lexicon.A_STEMS else NEUTRAL


def _ya(word: str, _before: str) -> Reading:
    if word.endswith(lexicon.YA_VOCATIVE_SAFE):
        return _BANMAL
    if word in lexicon.YA_WHOLE or word.endswith(lexicon.YA_TAILS) or final(_stem(word)):
        return NEUTRAL
    return Reading("banmal", weak=True)


def _hae(word: str, before: str) -> Reading:
    if word == "해":
        year = not before or before in lexicon.YEAR_WORDS or final(before[-1]) in ("ㄴ", "ㄹ")
        return NEUTRAL if year and before not in ("안", "뭘", "잘") else _BANMAL
    return NEUTRAL if word.endswith(lexicon.HAE_TAILS) else _BANMAL


def _weo(word: str, _before: str) -> Reading:
    return NEUTRAL if word.endswith(lexicon.WEO_TAILS) else _BANMAL


def _ge(word: str, _before: str) -> Reading:
    adverb = word.endswith(lexicon.LGE_TAILS)
    return _BANMAL if final(_stem(word)) == "ㄹ" and not adverb else NEUTRAL


def _rae(word: str, before: str) -> Reading:
    if word in lexicon.BANMAL_AFTER_WORD:
        return _BANMAL if before else NEUTRAL
    noun = word.endswith(lexicon.RAE_TAILS) and not (word == "갈래" and before)
    return _BANMAL if final(_stem(word)) == "ㄹ" and not noun else NEUTRAL


def _dae(word: str, _before: str) -> Reading:
    stem = _stem(word)
    if final(stem) in ("ㅆ", "ㅄ", "ㅎ", "ㄶ") or stem == "는":
        return _BANMAL
    return _BANMAL if final(stem) == "ㄴ" and not word.endswith(lexicon.DAE_TAILS) else NEUTRAL


def _short(word: str, before: str) -> Reading:
    return _BANMAL if word in lexicon.BANMAL_AFTER_WORD and before else NEUTRAL


def _man(word: str, _before: str) -> Reading:
    return _HAMNIDA if word.endswith("니다만") and final(_stem(word, 3)) == "ㅂ" else NEUTRAL


def _always(reading: Reading) -> Callable[[str, str], Reading]:
    return lambda word, _before: reading if len(word) > 1 else NEUTRAL


_RULES: dict[str, Callable[[str, str], Reading]] = {
    "다": _da, "요": _yo, "죠": _always(_HAEYO), "까": _kka, "만": _man, "오": _o, "소": _so,
    "려": _ryeo, "자": _ja, "라": _ra, "냐": _nya, "니": _ni, "가": _ga, "나": _na, "군": _gun,
    "네": _ne, "지": _ji, "어": _eo, "아": _a, "야": _ya, "해": _hae, "워": _weo, "게": _ge,
    "께": _ge, "래": _rae, "대": _dae, "와": _short, "커": _short, "써": _short, "꺼": _short,
    "타": _short, "사": _short,
    "쇼": lambda word, _before: _HAMNIDA if word.endswith("십쇼") else NEUTRAL,
    "서": lambda word, _before: _HAMNIDA if word.endswith(("소서", "옵서")) else NEUTRAL,
    "렴": _always(_PLAIN_TOO_BANMAL),
    "랴": _always(_PLAIN),
}  # fmt: skip
