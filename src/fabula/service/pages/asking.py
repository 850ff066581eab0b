"""A question's JSON schema as the fields of a form, and a filled form as an answer."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from fabula.errors import BadInput

Kind = Literal["text", "long", "integer", "number", "yes", "choice", "json"]
PREFIX = "answer."
SHORT = 200
"""A text field that may be longer than this is an area of several lines."""


@dataclass(frozen=True)
class Field:
    """One field of an answer; `choices` are JSON texts, so that 1 and "1" stay apart."""

    name: str
    kind: Kind
    label: str
    hint: str
    required: bool
    choices: tuple[tuple[str, str], ...] = ()
    value: str = ""

    @property
    def key(self) -> str:
        return f"{PREFIX}{self.name}"


def fields_of(schema: Mapping[str, Any]) -> list[Field]:
    """Return the fields of an answer; none where the schema names no properties."""
    required = schema.get("required", ())
    found = []
    for name, given in schema.get("properties", {}).items():
        part, optional = _resolved(given, schema)
        choices = tuple((json.dumps(one, ensure_ascii=False), str(one)) for one in _enum(part))
        found.append(
            Field(
                name=name,
                kind=_kind(part, choices),
                label=str(part.get("title", name)),
                hint=str(given.get("description", part.get("description", ""))),
                required=name in required and not optional,
                choices=choices,
                value=_shown(given.get("default"), _kind(part, choices)),
            )
        )
    return found


def filled(fields: Sequence[Field], form: Mapping[str, str]) -> list[Field]:
    """Return the fields as somebody filled them in."""
    return [replace(field, value=form.get(field.key, "")) for field in fields]


def answer_of(form: Mapping[str, str], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Read a filled form; BadInput names the first field that cannot be read."""
    fields = fields_of(schema)
    if not fields:
        whole = read_json(form.get("answer", ""), field="answer")
        if not isinstance(whole, dict):
            raise _unreadable("answer", form.get("answer", ""), "a JSON object", "JSON 객체")
        return whole
    found: dict[str, Any] = {}
    for field in fields:
        given = form.get(field.key, "")
        if field.kind == "yes":
            found[field.name] = given == "true"
        elif given.strip() or (field.required and field.kind in ("text", "long")):
            found[field.name] = _read(field, given)
    return found


def read_json(text: str, *, field: str) -> Any:
    """Read JSON that somebody typed; BadInput says where it stops being JSON."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        where = f" ({error})" if isinstance(error, ValueError) else ""
        raise BadInput(
            field, f"is no valid JSON{where}", f"올바른 JSON이 아닙니다{where}"
        ) from None


def _read(field: Field, given: str) -> Any:
    if field.kind in ("text", "long"):
        return given.replace("\r\n", "\n")
    if field.kind in ("choice", "json"):
        return read_json(given, field=field.name)
    try:
        number = int(given) if field.kind == "integer" else float(given)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise _unreadable(field.name, given, "a number", "숫자")
    return number


def _resolved(
    given: Mapping[str, Any], schema: Mapping[str, Any]
) -> tuple[Mapping[str, Any], bool]:
    """Follow a reference; the second value says that null would do."""
    options = [one for one in given.get("anyOf", ()) if one.get("type") != "null"]
    optional = len(options) < len(given.get("anyOf", ()))
    part = options[0] if len(options) == 1 else given
    if "$ref" in part:
        part = schema.get("$defs", {}).get(str(part["$ref"]).rpartition("/")[2], {})
    return part, optional


def _enum(part: Mapping[str, Any]) -> list[Any]:
    return [part["const"]] if "const" in part else list(part.get("enum", ()))


def _kind(part: Mapping[str, Any], choices: tuple[tuple[str, str], ...]) -> Kind:
    if choices:
        return "choice"
    kinds: dict[Any, Kind] = {"integer": "integer", "number": "number", "boolean": "yes"}
    if part.get("type") == "string":
        return "text" if part.get("maxLength", math.inf) <= SHORT else "long"
    kind = part.get("type")
    return kinds.get(kind, "json") if isinstance(kind, str) else "json"


def _shown(default: Any, kind: Kind) -> str:
    if default is None:
        return ""
    plain = isinstance(default, str) and kind in ("text", "long")
    return default if plain else json.dumps(default, ensure_ascii=False)


def _unreadable(field: str, given: str, en: str, ko: str) -> BadInput:
    return BadInput(field, f"got `{given[:60]}`, wanted {en}", f"`{given[:60]}`: {ko}여야 합니다")


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
