"""Colours as `#rrggbb`, and contrast that is computed instead of hoped for."""

from __future__ import annotations

import re

RGB = tuple[int, int, int]
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_STEPS = 20
_SRGB_KNEE = 0.04045


def parse_colour(value: str, *, name: str) -> RGB:
    """Read `#rrggbb`; ValueError names the colour called `name`."""
    if not _HEX.fullmatch(value):
        raise ValueError(f"{name}: got `{value}`, wanted a colour as #rrggbb")
    return int(value[1:3], 16), int(value[3:5], 16), int(value[5:7], 16)


def mix(one: RGB, other: RGB, share: float) -> RGB:
    """Return `one` with `share` (0 to 1) of `other` in it."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def contrast(one: RGB, other: RGB) -> float:
    """Return the WCAG contrast ratio of two colours, 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def readable(colour: RGB, *, on: RGB, ratio: float) -> RGB:
    """Return `colour`, moved towards black or white just far enough to be read on `on`."""
    if contrast(colour, on) >= ratio:
        return colour
    end = max(((0, 0, 0), (255, 255, 255)), key=lambda pole: contrast(pole, on))
    shades = (mix(colour, end, step / _STEPS) for step in range(1, _STEPS + 1))
    return next((shade for shade in shades if contrast(shade, on) >= ratio), end)


def _luminance(colour: RGB) -> float:
    red, green, blue = (_linear(channel / 255) for channel in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= _SRGB_KNEE else ((channel + 0.055) / 1.055) ** 2.4
