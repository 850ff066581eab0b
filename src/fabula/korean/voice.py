"""Say a sentence in another speech level, where a rule is sure how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from fabula.korean.hangul import final, is_syllable
from fabula.korean.particles import attach
from fabula.korean.register import classify

Level = Literal["해라체", "합니다체", "해요체"]

_BASE, _FINALS, _NIEUN, _BIEUP = 0xAC00, 28, 4, 17
# The last syllable of a verb's stem (놓이-) and what it becomes before 요 (놓여요).
_CONTRACTED = {
    "오": "와",
    "보": "봐",
    "주": "줘",
    "두": "둬",
    "추": "춰",
    "꾸": "꿔",
    "나누": "나눠",
    "리": "려",
    "이": "여",
    "지": "져",
    "기": "겨",
    "키": "켜",
    "치": "쳐",
    "가": "가",
    "되": "돼",
    "하": "해",
}
_STEMS = {polite: stem for stem, polite in _CONTRACTED.items()}
# Stems that look like a noun before the copula (보입니다 is not 보 + 입니다).
_VERBS_IN_I = tuple("보쓰놓쌓붙모줄높끓먹들늘섞직짝숙속덮꺾울녹죽벌눕")
_OPEN_ADJECTIVES = ("하", "크", "르", "프", "쁘", "아니", "느리", "흐리", "세")
_CONSONANT_STEMS = frozenset("ㄱㄲㄷㅁㅂㅅㅈㅊㅌㅍㅎㄺㄻㄼㄶㅀㄵ")


def levels(sentence: str) -> Mapping[Level, str]:
    """Return the sentence in every level that is sure, its own among them.

    Takes a statement that ends in a full stop or in nothing; anything else, and an ending that is
    no statement's, gives no level at all.
    """
    body = sentence.strip().removesuffix(".")
    if not body or not is_syllable(body[-1]) or classify(body + ".") == "neutral":
        return {}
    found = _past(body) or _copula(body) or _verb(body)
    return {level: f"{said}." for level, said in found.items()}


def reported(sentence: str) -> str | None:
    """Return the sentence as reported speech (`…했다고`, `…이라고`); None where no rule is sure."""
    plain = levels(sentence).get("해라체")
    if plain is None:
        return None
    body = plain.removesuffix(".")
    noun = body.removesuffix("이다")
    return body + "고" if noun == body else attach(noun, "이라/라") + "고"


def _past(body: str) -> dict[Level, str]:
    for ending in ("습니다", "어요", "다"):
        stem = body.removesuffix(ending)
        if stem != body and stem and final(stem[-1]) in ("ㅆ", "ㅄ"):
            return {"해라체": stem + "다", "합니다체": stem + "습니다", "해요체": stem + "어요"}
    return {}


def _copula(body: str) -> dict[Level, str]:
    for ending in ("입니다", "이에요", "예요", "이다"):
        noun = body.removesuffix(ending)
        if noun == body or not noun.strip() or noun[-1].isspace():
            continue
        if ending != "이에요" and noun.split()[-1].endswith(_VERBS_IN_I):
            return {}
        if noun.endswith("거"):
            noun = noun[:-1] + "것"
        return {
            "해라체": noun + "이다",
            "합니다체": noun + "입니다",
            "해요체": attach(noun, "이에요/예요"),
        }
    return {}


def _verb(body: str) -> dict[Level, str]:
    if body.endswith("요"):
        return _from_polite(body)
    if body.endswith("니다"):
        return _from_formal(body)
    if body.endswith("다") and len(body) > 1:
        return _from_plain(body)
    return {}


def _from_polite(body: str) -> dict[Level, str]:
    stem = body[:-1]
    if not stem:
        return {}
    if stem[-1] in _STEMS:
        base = stem[:-1] + _STEMS[stem[-1]]
        found: dict[Level, str] = {"합니다체": _with_final(base, _BIEUP) + "니다", "해요체": body}
        # 하다 is a verb (말한다) or an adjective (조용하다): its plain form is not sure.
        if stem[-1] != "해":
            found["해라체"] = _with_final(base, _NIEUN) + "다"
        return found
    if stem[-1] in "아어" and len(stem) > 1 and final(stem[-2]) in _CONSONANT_STEMS:
        return {"합니다체": stem[:-1] + "습니다", "해요체": body}
    return {"해요체": body}


def _from_formal(body: str) -> dict[Level, str]:
    stem = body[:-2]
    if not stem or final(stem[-1]) != "ㅂ":
        return {}
    base = stem[:-1] + chr(ord(stem[-1]) - _BIEUP)
    found: dict[Level, str] = {"합니다체": body}
    if base[-1] in _CONTRACTED:
        found["해요체"] = base[:-1] + _CONTRACTED[base[-1]] + "요"
        if base[-1] != "하":
            found["해라체"] = _with_final(base, _NIEUN) + "다"
    return found


def _from_plain(body: str) -> dict[Level, str]:
    stem = body[:-1]
    last = final(stem[-1])
    if stem.endswith("는") and len(stem) > 1 and final(stem[-2]):
        return {"해라체": body, "합니다체": stem[:-1] + "습니다"}
    if last == "ㄴ":
        base = stem[:-1] + chr(ord(stem[-1]) - _NIEUN)
        found: dict[Level, str] = {"해라체": body, "합니다체": _with_final(base, _BIEUP) + "니다"}
        if base[-1] in _CONTRACTED:
            found["해요체"] = base[:-1] + _CONTRACTED[base[-1]] + "요"
        return found
    return _from_adjective(body, stem, last)


def _from_adjective(body: str, stem: str, last: str) -> dict[Level, str]:
    if last == "" and not stem.endswith(_OPEN_ADJECTIVES):
        # 세 군데다 may be a noun with its copula.
        return {}
    if last == "":
        found: dict[Level, str] = {"해라체": body, "합니다체": _with_final(stem, _BIEUP) + "니다"}
        if stem.endswith("하"):
            found["해요체"] = stem[:-1] + "해요"
        return found
    if last == "ㄹ":
        bare = chr(ord(stem[-1]) - 8)
        return {"해라체": body, "합니다체": _with_final(stem[:-1] + bare, _BIEUP) + "니다"}
    return {"해라체": body, "합니다체": stem + "습니다"}


def _with_final(stem: str, final_: int) -> str:
    """Close the last, open syllable."""
    return stem[:-1] + chr(ord(stem[-1]) + final_)
