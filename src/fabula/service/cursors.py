"""Opaque cursors: where a list goes on."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re

from fabula.errors import BadInput

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""Nothing else is asked of a database: PostgreSQL takes not every text."""


def cursor_of(at: float, id_: str) -> str:
    """Write the place after a run of that time and id."""
    plain = json.dumps([at, id_], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(plain).rstrip(b"=").decode()


def read_cursor(cursor: str) -> tuple[float, str]:
    """Read a cursor; BadInput where it is none of ours."""
    try:
        at, id_ = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, TypeError, RecursionError):
        at = id_ = None
    fits = isinstance(id_, str) and _ID.fullmatch(id_)
    if type(at) is not float or not math.isfinite(at) or not fits:
        raise BadInput(
            "cursor",
            "is no cursor of this list; take `next` of the page before, or leave it out",
            "이 목록의 커서가 아닙니다. 앞 쪽의 `next`를 쓰거나 빼 주세요",
        )
    return at, id_
