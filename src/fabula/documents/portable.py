"""Places on one machine, and documents without them."""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

M = TypeVar("M", bound=BaseModel)
_MARK = object()

MachinePath = Annotated[str, _MARK]
"""A path or an address; a path names a place that no other machine has."""


def portable(model: M) -> M:
    """Return the model with each machine path cut down to its last part; addresses stay.

    A model without any comes back equal to what it was.
    """
    fields = type(model).model_fields
    return model.model_copy(
        update={name: _value(getattr(model, name), field) for name, field in fields.items()}
    )


def _value(value: Any, field: FieldInfo) -> Any:
    if isinstance(value, BaseModel):
        return portable(value)
    if isinstance(value, tuple):
        return tuple(_value(one, field) for one in value)
    if isinstance(value, str) and "://" not in value and _marked(field):
        return re.split(r"[/\\]", value.rstrip("/\\"))[-1]
    return value


def _marked(field: FieldInfo) -> bool:
    return _MARK in field.metadata or _holds_mark(field.annotation)


def _holds_mark(hint: object) -> bool:
    return hint is _MARK or any(_holds_mark(part) for part in get_args(hint))
