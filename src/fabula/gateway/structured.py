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


class NothingToCite(FabulaError):
    """A field must cite something and there is nothing to cite."""

    code = "nothing_to_cite"


class BadAnswer(Exception):
    """An answer that breaks the form; the message says where and why, for the model."""


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

    Raises BadAnswer when the answer was cut short, is not JSON, or breaks schema, references or
    bounds.
    """
    if finish_reason != "stop":
        raise BadAnswer(f"답이 끝나기 전에 끊겼습니다 (finish_reason: {finish_reason})")
    try:
        value = json.loads(text)
    except ValueError as error:
        raise BadAnswer(f"JSON이 아닙니다: {error}") from None
    for field, (least, most) in bounds.items():
        got = len(value.get(field, ())) if isinstance(value, dict) else 0
        if not least <= got <= most:
            raise BadAnswer(f"{field}: {got}개입니다. {least}~{most}개여야 합니다")
    try:
        return output.model_validate_json(text, strict=True, context={"aliases": aliases})
    except ValidationError as error:
        raise BadAnswer("\n".join(_complaint(one) for one in error.errors()[:8])) from None


def _complaint(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"]) or "(전체)"
    return f"{where}: {error['msg']} (받은 값: {str(error['input'])[:120]})"
