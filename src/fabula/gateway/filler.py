"""Fill a JSON schema with grammar-made Korean from a prompt's own words."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fabula.errors import FabulaError
from fabula.gateway.dice import Dice
from fabula.gateway.provider import Message
from fabula.korean.hangul import final
from fabula.korean.particles import attach

MAX_DEPTH = 6
"""Below this depth arrays stay at their least and alternatives at their plainest."""
TOO_DEEP = 40
MAX_TRIES = 100
"""How often a list without repetition looks for one more value."""

_TAG = re.compile(r"<[^<>]*>")
_OBJECT = re.compile(r"(?<![가-힣0-9A-Za-z])([가-힣]{2,8}?)([을를])(?=[\s,.!?]|$)")
_PLACE = re.compile(r"(?<![가-힣0-9A-Za-z])([가-힣]{2,8}?)(?:에서|에는|까지|부터)(?=[\s,.!?]|$)")
_REGISTER = re.compile(r'register="([^"]*)"')
_PLAIN_NOUNS = ("이야기", "하루", "자리", "풍경", "순간")
_TITLES = frozenset({"title", "heading", "headline", "name", "label", "tag", "dek", "subject"})

_SHAPES: Mapping[str, tuple[str, ...]] = {
    "합니다체": (
        "{0:은/는} {1:과/와} 나란히 놓입니다.",
        "{0:을/를} 보면 {1:이/가} 함께 보입니다.",
        "여기서는 {0:이/가} {1}의 자리를 잡아 줍니다.",
        "{0}에서 시작한 이야기는 {1:으로/로} 이어집니다.",
        "{1:을/를} 말하려면 {0:을/를} 먼저 꺼내야 합니다.",
    ),
    "해요체": (
        "{0:은/는} {1:과/와} 나란히 놓여요.",
        "{0:을/를} 보면 {1:이/가} 함께 보여요.",
        "여기서는 {0:이/가} {1}의 자리를 잡아 줘요.",
        "{0}에서 시작한 이야기는 {1:으로/로} 이어져요.",
        "{1:을/를} 말하려면 {0:을/를} 먼저 꺼내야 해요.",
    ),
}


class NeedsRecipe(FabulaError):
    """A schema asks for what no grammar can make; the agent needs an offline recipe."""

    code = "offline_needs_recipe"


class Noun(str):
    """A noun that takes its particle in a format: `f"{noun:은/는}"`."""

    __slots__ = ()

    def __format__(self, particles: str) -> str:
        return attach(str(self), particles) if particles else str(self)


@dataclass(frozen=True)
class Material:
    """What a prompt offers to write with; `nouns` is never empty."""

    nouns: tuple[Noun, ...]
    register: str


def material_of(messages: Sequence[Message]) -> Material:
    """Read nouns and the wanted register from the first user message.

    Later ones complain about an answer: no material.
    """
    raw = next((message.content for message in messages if message.role == "user"), "")
    wanted = _REGISTER.search(raw)
    text = html.unescape(_TAG.sub(" ", raw))
    return Material(
        nouns_in(text) or tuple(Noun(noun) for noun in _PLAIN_NOUNS),
        wanted[1] if wanted and wanted[1] in _SHAPES else "합니다체",
    )


def nouns_in(text: str) -> tuple[Noun, ...]:
    """Find nouns by the particles that only a noun takes, in order, each once."""
    found = [
        (m.start(), m[1])
        for m in _OBJECT.finditer(text)
        # 먹었을 때: a verb's past is no noun, whatever follows it.
        if attach(m[1], "을/를") == m[0] and final(m[1][-1]) not in ("ㅆ", "ㅄ")
    ]
    found += [(m.start(), m[1]) for m in _PLACE.finditer(text)]
    return tuple(Noun(noun) for noun in dict.fromkeys(noun for _, noun in sorted(found)))


def fill(messages: Sequence[Message], schema: Mapping[str, Any], seed: int) -> object:
    """Return plain JSON that the schema accepts, the same for the same three arguments.

    Knows objects, arrays, enums, constants, anyOf, references, numbers, booleans, null and
    strings; raises NeedsRecipe for a string pattern.
    """
    return _Filler(schema.get("$defs", {}), material_of(messages)).value(schema, Dice(seed), "", 0)


@dataclass(frozen=True)
class _Filler:
    defs: Mapping[str, Any]
    material: Material

    def value(self, part: Mapping[str, Any], dice: Dice, name: str, depth: int) -> object:
        part = self._resolved(part)
        if depth > TOO_DEEP:
            raise NeedsRecipe(
                f"`{name}` stands in a schema that nests without end: register an offline recipe",
                f"`{name}`이(가) 끝없이 중첩된 스키마에 있습니다. 오프라인 레시피를 등록하세요",
            )
        if "const" in part:
            return part["const"]
        if "enum" in part:
            return dice.pick(part["enum"])
        if choices := part.get("anyOf") or part.get("oneOf"):
            return self.value(self._branch(choices, dice, depth), dice.at("any"), name, depth + 1)
        return self._typed(part, dice, name, depth)

    def _typed(self, part: Mapping[str, Any], dice: Dice, name: str, depth: int) -> object:
        kind = part.get("type", "string")
        if isinstance(kind, list):
            kind = dice.at("type").pick(kind) if depth < MAX_DEPTH else kind[-1]
        value: object = None
        if kind == "object":
            value = self._object(part, dice, depth)
        elif kind == "array":
            value = self._array(part, dice, name, depth)
        elif kind in ("integer", "number"):
            value = _number(part, dice, whole=kind == "integer")
        elif kind == "boolean":
            value = bool(dice.below(2))
        elif kind == "string":
            value = self._string(part, dice, name)
        return value

    def _resolved(self, part: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in part or len(part.get("allOf", ())) == 1:
            target = part.get("$ref")
            inner = self.defs[target.rsplit("/", 1)[-1]] if target else part["allOf"][0]
            part = {**{k: v for k, v in part.items() if k not in ("$ref", "allOf")}, **inner}
        return part

    def _branch(self, choices: Sequence[Mapping[str, Any]], dice: Dice, depth: int) -> Any:
        if depth < MAX_DEPTH:
            return dice.at("branch").pick(choices)
        plain = [one for one in choices if "$ref" not in one and one.get("type") != "array"]
        return (plain or choices)[0]

    def _object(self, part: Mapping[str, Any], dice: Dice, depth: int) -> dict[str, object]:
        return {
            name: self.value(inner, dice.at(name), name, depth + 1)
            for name, inner in part.get("properties", {}).items()
        }

    def _array(self, part: Mapping[str, Any], dice: Dice, name: str, depth: int) -> list[object]:
        fixed = [
            self.value(inner, dice.at(index), name, depth + 1)
            for index, inner in enumerate(part.get("prefixItems", ()))
        ]
        if "items" not in part or part["items"] is False:
            return fixed
        least = part.get("minItems", 0)
        most = part.get("maxItems", max(least, 3))
        item = self._resolved(part["items"])
        if "enum" in item:
            return self._citations(item["enum"], dice, part, least=least, most=most)
        wanted = least if depth >= MAX_DEPTH else least + dice.at("n").below(most - least + 1)
        found, index = fixed, len(fixed)
        while len(found) < wanted and index < wanted + MAX_TRIES:
            value = self.value(item, dice.at(index), name, depth + 1)
            index += 1
            if not (part.get("uniqueItems") and value in found):
                found.append(value)
        return found

    def _citations(
        self,
        offered: Sequence[object],
        dice: Dice,
        part: Mapping[str, Any],
        *,
        least: int,
        most: int,
    ) -> list[object]:
        """Take each id once, as far as the wanted length allows."""
        if part.get("uniqueItems"):
            most = min(most, len(offered))
        wanted = least + dice.at("n").below(max(min(most, len(offered)) - least, 0) + 1)
        order = dice.shuffled(offered)
        return [order[index % len(order)] for index in range(wanted)]

    def _string(self, part: Mapping[str, Any], dice: Dice, name: str) -> str:
        if "pattern" in part:
            raise NeedsRecipe(
                f"`{name}` wants the pattern {part['pattern']}, which the offline model cannot "
                "make up: register an offline recipe for the agent",
                f"`{name}`은(는) 패턴 {part['pattern']}을 따라야 합니다. 에이전트에 오프라인 "
                "레시피를 등록하세요",
            )
        if part.get("format") in _FORMATS:
            return _FORMATS[part["format"]]
        least, most = part.get("minLength", 0), part.get("maxLength")
        text = self._title(dice) if name in _TITLES else self._sentences(dice)
        index = 0
        while len(text) < least:
            index += 1
            text = f"{text} {self._sentence(dice.at('more', index))}"
        return text if most is None else text[:most]

    def _title(self, dice: Dice) -> str:
        first, second = self._pair(dice)
        return f"{first:과/와} {second}"

    def _sentences(self, dice: Dice) -> str:
        return " ".join(
            self._sentence(dice.at(index)) for index in range(1 + dice.at("n").below(3))
        )

    def _sentence(self, dice: Dice) -> str:
        return dice.pick(_SHAPES[self.material.register]).format(*self._pair(dice))

    def _pair(self, dice: Dice) -> tuple[Noun, Noun]:
        nouns = self.material.nouns
        first = dice.at("first").below(len(nouns))
        step = 1 + dice.at("second").below(max(len(nouns) - 1, 1))
        return nouns[first], nouns[(first + step) % len(nouns)]


_FORMATS = {
    "date": "2000-01-01",
    "date-time": "2000-01-01T00:00:00Z",
    "time": "00:00:00",
    "uri": "https://example.com/",
    "email": "someone@example.com",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def _number(part: Mapping[str, Any], dice: Dice, *, whole: bool) -> int | float:
    step = part.get("multipleOf", 1 if whole else 0.25)
    low = part.get("minimum", part.get("exclusiveMinimum"))
    high = part.get("maximum", part.get("exclusiveMaximum"))
    if low is None:
        low = 0 if high is None else min(0, high - 10 * step)
    if high is None:
        high = low + 10 * step
    first, last = math.ceil(low / step), math.floor(high / step)
    if "exclusiveMinimum" in part and first * step <= part["exclusiveMinimum"]:
        first += 1
    if "exclusiveMaximum" in part and last * step >= part["exclusiveMaximum"]:
        last -= 1
    if last < first:
        return int(low) if whole else (low + high) / 2
    number = (first + dice.below(last - first + 1)) * step
    return int(number) if whole else float(number)
