"""Texts as every database takes them: no character that one refuses, no longer than the column."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from sqlalchemy import Column

_REFUSED = re.compile("[\\x00\\ud800-\\udfff]")
_DIGITS = 8


def storable(text: str) -> str:
    """Put U+FFFD for what no database takes, so that nothing paid is refused for a character.

    PostgreSQL has no NUL in a text, and half of a surrogate pair is no character in UTF-8.
    """
    return _REFUSED.sub("\ufffd", text)


def fitted(text: str, column: Column[Any]) -> str:
    """Cut a storable text to its column's length; two texts that differ stay different ones.

    SQLite takes any length, a server refuses the row.
    """
    most: int | None = getattr(column.type, "length", None)
    if most is None or (len(text) <= most and text.isascii() and "\0" not in text):
        return text
    plain = storable(text)
    if len(plain) <= most:
        return plain
    digest = hashlib.sha256(plain.encode()).hexdigest()[:_DIGITS]
    return f"{plain[: most - _DIGITS - 1]}~{digest}"
