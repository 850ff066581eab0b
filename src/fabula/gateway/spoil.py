"""Spoil a good answer in a way that a gate must catch: what the offline model does on demand."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from fabula.gateway.dice import Dice
from fabula.gateway.provider import Message
from fabula.korean.register import violations

SHORT = 12
"""Characters that a text keeps when it is cut far too short."""

_WANTS_REGISTER = re.compile(r'register="[^"]+"')
_WANTS_LENGTH = re.compile(r'length="[^"]+"')
_POLITE_END = re.compile(r"([가-힣]+)([.!?])(?=\s|$)")
_HANGUL, _FINALS, _BIEUP = 0xAC00, 28, 17

Place = tuple[Any, Any, Mapping[str, Any]]
"""(container, key, resolved schema) of one value inside an answer."""


def spoil(
    answer: object, schema: Mapping[str, Any], messages: Sequence[Message], seed: int
) -> object:
    """Return a copy of `answer` with one fault, its kind chosen by seed among those that fit.

    An id that was not offered and a missing field break the form; the gateway refuses them.
    A broken register and a text cut short break what the prompt demands; they are chosen only
    where it demands a register or a length. An answer without any such place becomes null.
    """
    asked = "\n".join(message.content for message in messages)
    kinds: list[Callable[[Any, Mapping[str, Any], Dice], bool]] = [_unknown_id, _missing_field]
    if _WANTS_REGISTER.search(asked):
        kinds.append(_broken_register)
    if _WANTS_LENGTH.search(asked):
        kinds.append(_cut_short)
    dice = Dice(seed, "spoil")
    for kind in dice.shuffled(kinds):
        spoilt = copy.deepcopy(answer)
        if kind(spoilt, schema, dice):
            return spoilt
    return None


def _unknown_id(answer: Any, schema: Mapping[str, Any], dice: Dice) -> bool:
    places = [place for place in _places(answer, schema) if "enum" in place[2]]
    if not places:
        return False
    container, key, part = dice.at("id").pick(places)
    stem, number = str(container[key]).rstrip("0123456789"), 999
    while f"{stem}{number}" in part["enum"]:
        number += 1
    container[key] = f"{stem}{number}"
    return True


def _missing_field(answer: Any, schema: Mapping[str, Any], dice: Dice) -> bool:
    if not isinstance(answer, dict):
        return False
    required = [name for name in schema.get("required", ()) if name in answer]
    if not required:
        return False
    del answer[dice.at("field").pick(required)]
    return True


def _broken_register(answer: Any, schema: Mapping[str, Any], dice: Dice) -> bool:
    turned = [
        (container, key, spoken)
        for container, key, _ in _texts(answer, schema)
        if (spoken := rude(container[key])) and _heard(spoken)
    ]
    if not turned:
        return False
    container, key, spoken = dice.at("register").pick(turned)
    container[key] = spoken
    return True


def _heard(text: str) -> bool:
    """Say whether a check hears 반말 in the text: not every spoken ending tells itself apart."""
    return any(one.found == "banmal" for one in violations(text, "hamnida"))


def _cut_short(answer: Any, schema: Mapping[str, Any], _: Dice) -> bool:
    texts = [place for place in _texts(answer, schema) if len(place[0][place[1]]) > SHORT]
    for container, key, _part in texts:
        container[key] = container[key][:SHORT].rstrip()
    return bool(texts)


def rude(text: str) -> str | None:
    """Turn every polite sentence's end to 반말; None where there is none to turn."""
    turned = _POLITE_END.sub(lambda m: _rude_word(m[1]) + m[2], text)
    return None if turned == text else turned


def _rude_word(word: str) -> str:
    if word.endswith(("예요", "이에요")):
        return word.removesuffix("예요").removesuffix("에요") + "야"
    if word.endswith("요"):
        return word[:-1]
    if not word.endswith("니다") or len(word) < 3:  # noqa: PLR2004 - a syllable before the ending
        return word
    stem = word[:-2]
    if stem.endswith("습"):
        return stem[:-1] + "어"
    syllable = ord(stem[-1]) - _HANGUL
    if syllable % _FINALS != _BIEUP:
        return word
    bare = stem[:-1] + chr(ord(stem[-1]) - _BIEUP)
    return {"이": bare + "야", "하": bare[:-1] + "해"}.get(bare[-1], bare)


def _texts(answer: Any, schema: Mapping[str, Any]) -> list[Place]:
    return [
        place
        for place in _places(answer, schema)
        if "enum" not in place[2] and isinstance(place[0][place[1]], str)
    ]


def _places(answer: Any, schema: Mapping[str, Any]) -> Iterator[Place]:
    defs = schema.get("$defs", {})

    def walk(value: Any, part: Mapping[str, Any]) -> Iterator[Place]:
        keys: Sequence[Any] = ()
        if isinstance(value, dict):
            keys = list(value)
        elif isinstance(value, list):
            keys = range(len(value))
        for key in keys:
            inner = (
                part.get("properties", {}).get(key, {})
                if isinstance(value, dict)
                else (part.get("items", {}))
            )
            inner = _resolved(inner, defs)
            yield value, key, inner
            yield from walk(value[key], inner)

    yield from walk(answer, _resolved(schema, defs))


def _resolved(part: Any, defs: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(part, dict):
        return {}
    return defs.get(part["$ref"].rsplit("/", 1)[-1], {}) if "$ref" in part else part
