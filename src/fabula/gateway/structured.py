"""Strict structured output: a schema narrowed for each call, a parser that accepts no less."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from functools import lru_cache
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from fabula.documents import Aliases
from fabula.errors import FabulaError

T = TypeVar("T", bound=BaseModel)
Bounds = Mapping[str, tuple[int, int]]
MAX_ENUM = 200
"""Past so many ids the enum is left out of the schema: providers refuse very large ones."""

_FILTER = ("제공자의 안전 필터가 막았습니다", "the provider's safety filter blocked it")
BLOCKED: Mapping[str, tuple[str, str]] = {
    "safety": _FILTER,
    "content_filter": _FILTER,
    "recitation": (
        "이미 있는 저작물을 그대로 옮긴 답이라며 제공자가 막았습니다",
        "the provider blocked it as a copy of a published work",
    ),
}
"""Finish reasons of a filter's stop, in the gateway's words, with what they mean."""


class NothingToCite(FabulaError):
    """A field must cite something and there is nothing to cite."""

    code = "nothing_to_cite"


class BadAnswer(Exception):
    """An answer that breaks the form; `ko` says where and why, for the model too, `en` the same."""

    def __init__(self, ko: str, en: str) -> None:
        super().__init__(ko)
        self.ko = ko
        self.en = en


class BlockedAnswer(BadAnswer):
    """An answer that the provider's filter stopped: the same question would be stopped again."""


@lru_cache(maxsize=256)
def _schema_of(output: type[BaseModel]) -> dict[str, Any]:
    schema = output.model_json_schema()
    for part in [schema, *schema.get("$defs", {}).values()]:
        properties = part.get("properties")
        if properties and sorted(part.get("required", [])) != sorted(properties):
            raise TypeError(f"{output.__name__}: an agent's output has no defaults")
    return schema


def narrow(output: type[BaseModel], aliases: Aliases, bounds: Bounds) -> dict[str, Any]:
    """Return the JSON schema of one call: references as enums of the aliases it may cite.

    An array of references to nothing gets `maxItems: 0`; a scalar one raises NothingToCite.
    `bounds` sets least and most items of top-level arrays.
    """
    schema = deepcopy(_schema_of(output))
    for field, (least, most) in bounds.items():
        schema["properties"][field].update(minItems=least, maxItems=most)
    return cast("dict[str, Any]", _narrowed(schema, aliases, where=output.__name__))


def _narrowed(part: Any, aliases: Aliases, *, where: str) -> Any:
    if isinstance(part, list):
        return [_narrowed(one, aliases, where=where) for one in part]
    if not isinstance(part, dict):
        return part
    items = part.get("items")
    if isinstance(items, dict) and "x-ref" in items and not aliases.get(items["x-ref"]):
        return {"type": "array", "items": {"type": "string"}, "maxItems": 0}
    if "x-ref" in part:
        return _reference(part, aliases, where=where)
    return {
        key: _properties(value, aliases)
        if key in ("properties", "$defs")
        else _narrowed(value, aliases, where=where)
        for key, value in part.items()
        if key != "title" or not isinstance(value, str)
    }


def _properties(properties: Mapping[str, Any], aliases: Aliases) -> dict[str, Any]:
    return {name: _narrowed(part, aliases, where=name) for name, part in properties.items()}


def _reference(part: Mapping[str, Any], aliases: Aliases, *, where: str) -> dict[str, Any]:
    offered = list(aliases.get(part["x-ref"], {}))
    if not offered:
        raise NothingToCite(f"{where}: there is no {part['x-ref']} that this call may cite")
    if len(offered) > MAX_ENUM:
        return {"type": "string"}
    return {"type": "string", "enum": offered}


def parse(text: str, finish_reason: str, output: type[T], *, aliases: Aliases, bounds: Bounds) -> T:
    """Return the typed output with aliases resolved to ids.

    Raises BlockedAnswer when a filter stopped it, BadAnswer when it was cut short, is not JSON, or
    breaks schema, references or bounds.
    """
    if finish_reason != "stop":
        raise _unfinished(finish_reason)
    try:
        value = json.loads(text)
    except ValueError as error:
        raise BadAnswer(f"JSON이 아닙니다: {error}", f"is not JSON: {error}") from None
    for field, (least, most) in bounds.items():
        got = len(value.get(field, ())) if isinstance(value, dict) else 0
        if not least <= got <= most:
            raise BadAnswer(
                f"{field}: {got}개입니다. {least}~{most}개여야 합니다",
                f"{field}: has {got}, wanted {least} to {most}",
            )
    try:
        return output.model_validate_json(text, strict=True, context={"aliases": aliases})
    except ValidationError as error:
        found = error.errors()[:8]
        ko = "\n".join(_complaint(one, whole="(전체)", got="받은 값") for one in found)
        en = "\n".join(_complaint(one, whole="(whole)", got="got") for one in found)
        raise BadAnswer(ko, en) from None


def _unfinished(reason: str) -> BadAnswer:
    told = f"(finish_reason: {reason})"
    if reason in BLOCKED:
        return BlockedAnswer(
            f"{BLOCKED[reason][0]} {told}. 다시 물어도 막히므로 묻지 않습니다. 원문을 고쳐 새로 "
            "실행하거나, 모델을 바꾸고 이어서 실행하세요",
            f"{BLOCKED[reason][1]} {told}; asking again would be blocked again: change the source "
            "and start a new run, or change the model and resume",
        )
    if reason == "refusal":
        return BadAnswer(
            f"모델이 답하기를 거절했습니다 {told}", f"the model refused to answer {told}"
        )
    return BadAnswer(
        f"답이 끝나기 전에 끊겼습니다 {told}", f"the answer was cut off before its end {told}"
    )


def _complaint(error: Any, *, whole: str, got: str) -> str:
    where = ".".join(str(part) for part in error["loc"]) or whole
    return f"{where}: {error['msg']} ({got}: {str(error['input'])[:120]})"
