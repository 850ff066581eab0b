"""Places on one machine, and documents without them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

M = TypeVar("M", bound=BaseModel)
_MARK = object()
_UPLOADED = re.compile(r"file:([0-9a-f]{32})((?:/(?!\.{1,2}(?:/|$))[^/\\\x00]+)*)")

MachinePath = Annotated[str, _MARK]
"""A path or an address; a path names a place that no other machine has.

In its place may stand `file:<id>`, an uploaded file, or `file:<id>/<path>`, one of an uploaded
folder."""


def portable(model: M) -> M:
    """Return the model with each machine path cut down to its last part; addresses stay.

    A model without any comes back equal to what it was.
    """
    return with_paths(model, _last_part)


def with_paths(model: M, change: Callable[[str], str]) -> M:
    """Return the model with each machine path as `change` has it, addresses among them."""
    fields = type(model).model_fields
    return model.model_copy(
        update={name: _value(getattr(model, name), field, change) for name, field in fields.items()}
    )


def uploaded(path: str) -> str | None:
    """Return the id of the upload that stands in place of a path, `file:<id>`, or None."""
    found = _UPLOADED.fullmatch(path)
    return found[1] if found else None


def inside_upload(path: str) -> tuple[str, ...]:
    """Return which file of an uploaded folder is meant, part by part; nothing: all of it."""
    found = _UPLOADED.fullmatch(path)
    return tuple(found[2].split("/")[1:]) if found else ()


def _last_part(path: str) -> str:
    return path if "://" in path else re.split(r"[/\\]", path.rstrip("/\\"))[-1]


def _value(value: Any, field: FieldInfo, change: Callable[[str], str]) -> Any:
    if isinstance(value, BaseModel):
        return with_paths(value, change)
    if isinstance(value, tuple):
        return tuple(_value(one, field, change) for one in value)
    return change(value) if isinstance(value, str) and _marked(field) else value


def _marked(field: FieldInfo) -> bool:
    return _MARK in field.metadata or _holds_mark(field.annotation)


def _holds_mark(hint: object) -> bool:
    return hint is _MARK or any(_holds_mark(part) for part in get_args(hint))


def machine_paths(model: BaseModel, at: str = "") -> Iterator[tuple[str, str]]:
    """Yield where a model holds machine paths, dotted (`posts.0.image`), and what they are."""
    for name, field in type(model).model_fields.items():
        yield from _paths(getattr(model, name), field, f"{at}{name}")


def _paths(value: Any, field: FieldInfo, at: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, BaseModel):
        yield from machine_paths(value, f"{at}.")
    elif isinstance(value, tuple):
        for number, one in enumerate(value):
            yield from _paths(one, field, f"{at}.{number}")
    elif isinstance(value, str) and _marked(field):
        yield at, value
