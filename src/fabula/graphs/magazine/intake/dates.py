"""A post's date, however it is written; one that may mean two days is none."""

from __future__ import annotations

import re
from datetime import date, datetime

_YEAR_FIRST = re.compile(r"(?<!\d)(\d{4})\s*[-./년]\s*(\d{1,2})\s*[-./월]\s*(\d{1,2})(?!\d)")
_RUN_TOGETHER = re.compile(r"(\d{4})(\d{2})(\d{2})(?:t?\d{4,6}z?)?")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAMED = rf"({'|'.join(_MONTHS)})[a-z]*\.?"
_DAY_MONTH = re.compile(rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th)?[\s-]+{_NAMED},?[\s-]+(\d{{4}})")
_MONTH_DAY = re.compile(rf"\b{_NAMED}\s+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+(\d{{4}})")
_LONGEST = 100


def read_date(value: object) -> date | None:
    """Return the day as it is written, in its own time zone; None where it cannot be told.

    `03/05/2024` is the third of May to some and the fifth of March to others: None.
    """
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        return None
    return _read(str(value).strip().lower()[:_LONGEST])


def _read(written: str) -> date | None:
    if found := _YEAR_FIRST.search(written) or _RUN_TOGETHER.fullmatch(written):
        return _day(found[1], found[2], found[3])
    if found := _DAY_MONTH.search(written):
        return _day(found[3], _MONTHS.index(found[2]) + 1, found[1])
    if found := _MONTH_DAY.search(written):
        return _day(found[3], _MONTHS.index(found[1]) + 1, found[2])
    return None


def _day(year: str, month: str | int, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None
