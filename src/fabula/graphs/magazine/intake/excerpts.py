"""Long posts cut to stretches of whole sentences, each with the place that it has in the post."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from fabula.documents.magazine import Excerpt

LONG = 6_000
"""A post of more characters than this is cut."""
STRETCHES = 5
STRETCH = 1_000
GAP = "\n\n…\n\n"
"""What stands between two stretches in the cut text."""
_PARAGRAPH = re.compile(r"\n\s*\n\s*")
_SENTENCE = re.compile(r"[.!?。…]+[\"'”’)\]」』]*\s+|\n\s*")
_JOINED = "\u200d\ufe0f"


def excerpts_of(text: str) -> tuple[Excerpt, ...]:
    """Return the stretches to keep of a long text: its beginning, its end and places between.

    A stretch begins with a paragraph or a sentence and ends with a sentence where the text has
    them near by; none overlap. Nothing where the text is short enough to be kept whole.
    """
    if len(text) <= LONG:
        return ()
    found: list[Excerpt] = []
    step = (len(text) - STRETCH) / (STRETCHES - 1)
    for number in range(STRETCHES):
        least = found[-1].end if found else 0
        start = _begin(text, max(least, round(number * step)))
        end = len(text) if number == STRETCHES - 1 else _end(text, start)
        found.append(Excerpt(start=start, end=end))
    return tuple(found)


def cut(text: str, excerpts: Sequence[Excerpt]) -> str:
    """Return the stretches of a text, one after another."""
    return GAP.join(text[one.start : one.end] for one in excerpts) if excerpts else text


def stretches(text: str, excerpts: Sequence[Excerpt]) -> list[str]:
    """Take a cut text apart again."""
    found, at = [], 0
    for one in excerpts:
        found.append(text[at : at + one.end - one.start])
        at += one.end - one.start + len(GAP)
    return found


def _begin(text: str, target: int) -> int:
    if target == 0:
        return 0
    window = text[target : target + STRETCH // 2]
    found = _PARAGRAPH.search(window) or _SENTENCE.search(window)
    return target + found.end() if found else _whole_character(text, target)


def _end(text: str, start: int) -> int:
    window = text[start : start + STRETCH]
    ends = [found.start() + len(found[0].rstrip()) for found in _SENTENCE.finditer(window)]
    # A stretch of less than half its room is worse than one that ends inside a sentence.
    if ends and ends[-1] >= STRETCH // 2:
        return start + ends[-1]
    return _whole_character(text, start + STRETCH)


def _whole_character(text: str, at: int) -> int:
    """Step forward out of the middle of an emoji or an accented letter."""
    while at < len(text) and (
        text[at] in _JOINED
        or text[at - 1] == _JOINED[0]
        or unicodedata.combining(text[at])
        or "\U0001f3fb" <= text[at] <= "\U0001f3ff"
    ):
        at += 1
    return at
