"""Cursors, opaque to whoever gets them: where a list goes on."""

from __future__ import annotations

import math
import re
import struct

from fabula.errors import BadInput

PATTERN = r"^[0-9a-f]{16}[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_DIGITS = 16


def cursor_of(at: float, id_: str) -> str:
    """Write the place after a run of that time and id."""
    return struct.pack(">d", at).hex() + id_


def read_cursor(cursor: str) -> tuple[float, str]:
    """Read a cursor; BadInput where it is none of ours."""
    at = math.nan
    if re.fullmatch(PATTERN, cursor):
        (at,) = struct.unpack(">d", bytes.fromhex(cursor[:_DIGITS]))
    if not math.isfinite(at):
        raise BadInput(
            "cursor",
            "is no cursor of this list; take `next` of the page before, or leave it out",
            "이 목록의 커서가 아닙니다. 앞 쪽의 `next`를 쓰거나 빼 주세요",
        )
    return at, cursor[_DIGITS:]
