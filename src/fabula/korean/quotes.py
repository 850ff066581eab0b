"""Where a text quotes or brackets: pairs only, so that an inch mark or an apostrophe is none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_QUOTES = {"“": "”", "‘": "’", "「": "」", "『": "』", "«": "»", "《": "》", "〈": "〉"}
_BRACKETS = {"(": ")", "[": "]", "（": "）", "【": "】"}
_OPENING = {close: mark for mark, close in (_QUOTES | _BRACKETS).items()}
_STRAIGHT = re.compile(
    r"""
    (?<![0-9A-Za-z"]) "(?=[^\s"]) [^"\n]* (?<!\s)"             # 6.7" opens nothing
  | (?<![0-9A-Za-z']) '(?=[^\s']) [^'\n]* (?:(?<=[A-Za-z])'[A-Za-z][^'\n]*)* (?<!\s)'(?![A-Za-z])
    """,
    re.VERBOSE,
)


class Span(NamedTuple):
    start: int
    end: int
    quoted: bool


def spans(text: str) -> list[Span]:
    """Find the outermost quotes and brackets, in order; each ends where its closing mark does.

    A mark without its partner in the same line opens nothing.
    """
    found = [*_paired(text), *_straight(text)]
    outer: list[Span] = []
    for span in sorted(found, key=lambda span: (span.start, -span.end)):
        if not outer or span.start >= outer[-1].end:
            outer.append(span)
    return outer


def blank_out(text: str, mark: str) -> str:
    """Replace each quoted span by `mark` and drop each bracketed one."""
    parts: list[str] = []
    last = 0
    for span in spans(text):
        parts += [text[last : span.start], mark if span.quoted else ""]
        last = span.end
    return "".join([*parts, text[last:]])


def _paired(text: str) -> Iterator[Span]:
    waiting: dict[str, list[int]] = {}
    for index, char in enumerate(text):
        if char == "\n":
            waiting.clear()
        elif char in _QUOTES or char in _BRACKETS:
            waiting.setdefault(char, []).append(index)
        elif waiting.get(_OPENING.get(char, "")):
            mark = _OPENING[char]
            yield Span(waiting[mark].pop(), index + 1, mark in _QUOTES)


def _straight(text: str) -> Iterator[Span]:
    for match in _STRAIGHT.finditer(text):
        yield Span(match.start(), match.end(), quoted=True)
