"""What a browser sends: plain form fields, amounts, and addresses to go back to."""

from __future__ import annotations

import math
import re

from fastapi import Request

from fabula.errors import BadInput

MOST_FIELDS = 200
_INSIDE = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")


async def form_of(request: Request) -> dict[str, str]:
    """Return a form's fields; of several with one name the last, of files none."""
    form = await request.form(max_files=0, max_fields=MOST_FIELDS)
    return {name: value for name, value in form.items() if isinstance(value, str)}


def inside(address: str) -> str:
    """Return an address of this service: another one is replaced by the list of runs."""
    return address if _INSIDE.fullmatch(address) else "/runs"


def amount(form: dict[str, str], name: str) -> float | None:
    """Return an amount of a form, None where it is left empty; BadInput where it is none."""
    given = form.get(name, "").strip()
    if not given:
        return None
    try:
        value = float(given)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value <= 0:
        raise BadInput(
            name,
            f"got `{given[:40]}`, wanted a number above 0, or nothing",
            f"`{given[:40]}`: 0보다 큰 수여야 합니다. 제한이 없으면 비워 두세요",
        )
    return value
