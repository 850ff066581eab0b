"""Korean text set into a box: broken between words, shrunk, and only then cut."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

LEADING = 1.24
_ELLIPSIS = "…"
_NO_GLYPH = "\U0010ffff"
Measure = Callable[[str], float]


@dataclass(frozen=True)
class Lettering:
    """Lines that fit, in pixels: `height` counts every line at `leading`."""

    lines: tuple[str, ...]
    size: int
    leading: int

    @property
    def height(self) -> int:
        return self.leading * len(self.lines)


@lru_cache(maxsize=64)
def load_font(path: Path, size: int) -> FreeTypeFont:
    """Open a font; its layout engine is the built-in one, so that every machine sets alike."""
    from PIL import ImageFont

    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


def drawable(text: str, font: Path) -> str:
    """Return `text` composed, on one line, without what the font has no glyph for (emoji, …)."""
    probe = load_font(font, 40)
    missing = bytes(probe.getmask(_NO_GLYPH))
    kept = [
        character
        for character in " ".join(unicodedata.normalize("NFC", text).split())
        if character == " "
        or (
            unicodedata.category(character)[0] != "C"
            and bytes(probe.getmask(character)) not in (missing, b"")
        )
    ]
    return " ".join("".join(kept).split())


def fit(text: str, font: Path, *, width: int, height: int, sizes: Sequence[int]) -> Lettering:
    """Set `text` at the first of `sizes` (falling) at which it fits into the box.

    A line breaks between words (eojeol). At the last size a word wider than the box is broken
    too, and what still does not fit ends in an ellipsis. No line is ever wider than `width`.
    """
    for size in sizes:
        words = _wrap(text.split(), load_font(font, size).getlength, width)
        leading = round(size * LEADING)
        if words is not None and leading * len(words) <= height:
            return Lettering(_balance(words, load_font(font, size).getlength, width), size, leading)

    size = sizes[-1]
    measure = load_font(font, size).getlength
    leading = round(size * LEADING)
    pieces = [piece for word in text.split() for piece in _break(word, measure, width)]
    lines = _wrap(pieces, measure, width) or ()
    most = max(1, height // leading)
    if len(lines) > most:
        lines = (*lines[: most - 1], _cut(lines[most - 1], measure, width))
    return Lettering(lines, size, leading)


def _wrap(words: Sequence[str], measure: Measure, width: float) -> tuple[str, ...] | None:
    """Fill lines greedily; None where a single word is wider than the box."""
    lines: list[str] = []
    for word in words:
        if measure(word) > width:
            return None
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and measure(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(word)
    return tuple(lines)


def _balance(lines: tuple[str, ...], measure: Measure, width: int) -> tuple[str, ...]:
    """Break into the same number of lines, as even as they get: no lonely last word."""
    words = " ".join(lines).split()
    low, high, best = width // 3, width, lines
    while low < high:
        middle = (low + high) // 2
        tried = _wrap(words, measure, middle)
        if tried is not None and len(tried) <= len(lines):
            best, high = tried, middle
        else:
            low = middle + 1
    return best


def _break(word: str, measure: Measure, width: float) -> list[str]:
    pieces = [""]
    for character in word:
        if pieces[-1] and measure(pieces[-1] + character) > width:
            pieces.append("")
        pieces[-1] += character
    return [piece for piece in pieces if piece]


def _cut(line: str, measure: Measure, width: float) -> str:
    while line and measure(line + _ELLIPSIS) > width:
        line = line[:-1]
    return line.rstrip() + _ELLIPSIS
