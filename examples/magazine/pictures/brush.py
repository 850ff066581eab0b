"""A small gouache box: opaque shapes with rough edges, brushed tone, light and paper grain."""

from __future__ import annotations

import io
import math
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageDraw, ImageFilter

WIDTH, HEIGHT = 1200, 800
SUPER = 2
"""Masks are drawn so many times larger and brought down, which smooths their edges."""
MAX_BYTES = 118_000
ROUND = 24
"""An outline of so many points is a curve."""

Points = Sequence[tuple[float, float]]
Field = npt.NDArray[np.float32]


def rgb(color: str) -> Field:
    """Read `#rrggbb`."""
    value = color.lstrip("#")
    return np.array([int(value[i : i + 2], 16) / 255 for i in (0, 2, 4)], np.float32)


def ellipse(cx: float, cy: float, rx: float, ry: float, *, turn: float = 0) -> Points:
    """Return an ellipse's outline; `turn` in degrees."""
    a = math.radians(turn)
    steps = [2 * math.pi * k / 72 for k in range(72)]
    return [
        (
            cx + rx * math.cos(t) * math.cos(a) - ry * math.sin(t) * math.sin(a),
            cy + rx * math.cos(t) * math.sin(a) + ry * math.sin(t) * math.cos(a),
        )
        for t in steps
    ]


def box(x: float, y: float, w: float, h: float, *, turn: float = 0, lean: float = 0) -> Points:
    """Return a rectangle's outline, turned about its middle; `lean` shifts its top sideways."""
    corners = [(x + lean, y), (x + w + lean, y), (x + w, y + h), (x, y + h)]
    return turned(corners, x + w / 2, y + h / 2, turn) if turn else corners


def turned(points: Points, cx: float, cy: float, degrees: float) -> Points:
    a = math.radians(degrees)
    c, s = math.cos(a), math.sin(a)
    return [(cx + (x - cx) * c - (y - cy) * s, cy + (x - cx) * s + (y - cy) * c) for x, y in points]


def curve(*knots: tuple[float, float], steps: int = 16) -> Points:
    """Return a smooth line through the knots (Catmull-Rom)."""
    if len(knots) < 3:  # noqa: PLR2004 - two knots are a straight line
        return list(knots)
    padded = [knots[0], *knots, knots[-1]]
    out: list[tuple[float, float]] = []
    for p0, p1, p2, p3 in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        for k in range(steps):
            t = k / steps
            out.append(
                (_spline(t, p0[0], p1[0], p2[0], p3[0]), _spline(t, p0[1], p1[1], p2[1], p3[1]))
            )
    return [*out, knots[-1]]


def _spline(t: float, a: float, b: float, c: float, d: float) -> float:
    return 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t * t + (3 * b - a - 3 * c + d) * t**3
    )


class Picture:
    """One picture in the making; its chance depends on its name alone."""

    def __init__(self, name: str) -> None:
        # RandomState is frozen for good: the same name gives the same strokes in every numpy.
        self.chance = np.random.RandomState(zlib.crc32(name.encode()))
        self.pixels: Field = np.ones((HEIGHT, WIDTH, 3), np.float32)
        self._tooth = self._noise(3) * 0.6 + self._noise(40) * 0.4
        self._brush = self._noise(70, stretch=5) * 0.6 + self._noise(9, stretch=6) * 0.4

    def between(self, low: float, high: float) -> float:
        return float(self.chance.uniform(low, high))

    def one_of(self, colors: Sequence[str]) -> str:
        return colors[int(self.chance.randint(len(colors)))]

    def wash(self, top: str, bottom: str, *, texture: float = 0.05) -> None:
        """Cover everything with a vertical gradient."""
        t = np.linspace(0, 1, HEIGHT, dtype=np.float32)[:, None, None]
        plain = rgb(top) * (1 - t) + rgb(bottom) * t
        self.pixels = np.clip(plain + texture * self._brush[..., None], 0, 1).astype(np.float32)

    def shape(
        self,
        points: Points,
        color: str,
        *,
        alpha: float = 1,
        wobble: float = 1.5,
        texture: float = 0.06,
        shade: tuple[float, float, float] | None = None,
        within: Points | None = None,
    ) -> None:
        """Paint a filled outline.

        `wobble` moves its points by so many pixels; `shade` is (dx, dy, strength) of a soft
        darkening towards that side; `within` cuts it to another outline.
        """
        mask = self._mask([points], wobble)
        if within is not None:
            mask = ImageChops.multiply(mask, self._mask([within], 0))
        self._lay(mask, color, alpha=alpha, texture=texture, shade=shade)

    def dots(self, outlines: Iterable[Points], color: str, *, alpha: float = 1) -> None:
        """Paint many outlines in one colour at once."""
        self._lay(self._mask(list(outlines), 0.8), color, alpha=alpha, texture=0.08, shade=None)

    def line(
        self, points: Points, color: str, width: float, *, alpha: float = 1, blur: float = 0
    ) -> None:
        """Paint a line with round ends."""
        mask = Image.new("L", (WIDTH * SUPER, HEIGHT * SUPER), 0)
        draw = ImageDraw.Draw(mask)
        scaled = [(x * SUPER, y * SUPER) for x, y in points]
        draw.line(scaled, fill=255, width=max(1, round(width * SUPER)), joint="curve")
        r = width * SUPER / 2
        for x, y in (scaled[0], scaled[-1]):
            draw.ellipse((x - r, y - r, x + r, y + r), fill=255)
        self._lay(self._down(mask, blur), color, alpha=alpha, texture=0.05, shade=None)

    def shadow(
        self,
        points: Points,
        *,
        dx: float = 10,
        dy: float = 14,
        blur: float = 14,
        strength: float = 0.35,
        tint: str = "#1c1830",
    ) -> None:
        """Darken below an outline that is painted afterwards."""
        moved = [(x + dx, y + dy) for x, y in points]
        mask = self._mask([moved], 0).filter(ImageFilter.GaussianBlur(blur))
        a = _array(mask)[..., None] * strength
        self.pixels = (self.pixels * (1 - a) + self.pixels * rgb(tint) * a).astype(np.float32)

    def glow(
        self,
        cx: float,
        cy: float,
        radius: float,
        color: str,
        strength: float = 0.6,
        *,
        squash: float = 1,
    ) -> None:
        """Add light around a point."""
        y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
        d = np.hypot(x - cx, (y - cy) / squash) / radius
        self._light(np.exp(-2.2 * d * d)[..., None] * strength, color)

    def beam(self, points: Points, color: str, strength: float, *, blur: float = 18) -> None:
        """Add light inside an outline."""
        mask = self._mask([points], 0).filter(ImageFilter.GaussianBlur(blur))
        self._light(_array(mask)[..., None] * strength, color)

    def steam(self, x: float, y: float, height: float, *, color: str = "#fff6e6") -> None:
        """Paint two thin wisps that rise from a point."""
        for k, side in enumerate((-1, 1)):
            sway = height * 0.12
            wisp = curve(
                (x + side * 9, y),
                (x + side * 9 + sway, y - height * 0.33),
                (x + side * 5 - sway, y - height * 0.66),
                (x + side * 14 + sway * 0.7, y - height * (0.9 + 0.1 * k)),
            )
            self.line(wisp, color, 9, alpha=0.32, blur=5)
            self.line(wisp, color, 3.5, alpha=0.4, blur=2)

    def save(self, path: Path) -> None:
        """Lay paper grain and a soft frame of shade over everything and write a JPEG."""
        y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j].astype(np.float32)
        frame = 1 - 0.13 * np.clip((x * x + y * y) / 2, 0, 1) ** 1.5
        grain = 1 + 0.035 * self._tooth + 0.012 * self._noise(1)
        done = np.clip(self.pixels * (frame * grain)[..., None] + 0.008, 0, 1)
        image = Image.fromarray((done * 255 + 0.5).astype(np.uint8))
        for quality in range(86, 40, -4):
            buffer = io.BytesIO()
            image.save(buffer, "JPEG", quality=quality, optimize=True, progressive=True)
            if buffer.tell() <= MAX_BYTES:
                break
        path.write_bytes(buffer.getvalue())

    def _noise(self, size: int, *, stretch: int = 1) -> Field:
        """Return smooth noise around 0, about -1 to 1, with features of `size` pixels."""
        shape = (HEIGHT // size + 3, WIDTH // (size * stretch) + 3)
        small = Image.fromarray(self.chance.uniform(-1, 1, shape).astype(np.float32))
        big = small.resize(
            (WIDTH + 2 * size * stretch, HEIGHT + 2 * size), Image.Resampling.BICUBIC
        )
        return np.asarray(big.crop((0, 0, WIDTH, HEIGHT)), np.float32)

    def _mask(self, outlines: Sequence[Points], wobble: float) -> Image.Image:
        mask = Image.new("L", (WIDTH * SUPER, HEIGHT * SUPER), 0)
        draw = ImageDraw.Draw(mask)
        for points in outlines:
            shifts = _eased(self.chance.uniform(-wobble, wobble, (len(points), 2)))
            draw.polygon(
                [
                    ((x + dx) * SUPER, (y + dy) * SUPER)
                    for (x, y), (dx, dy) in zip(points, shifts, strict=True)
                ],
                fill=255,
            )
        return self._down(mask, 0)

    @staticmethod
    def _down(mask: Image.Image, blur: float) -> Image.Image:
        small = mask.resize((WIDTH, HEIGHT), Image.Resampling.BOX)
        return small.filter(ImageFilter.GaussianBlur(blur)) if blur else small

    def _lay(
        self,
        mask: Image.Image,
        color: str,
        *,
        alpha: float,
        texture: float,
        shade: tuple[float, float, float] | None,
    ) -> None:
        bounds = mask.getbbox()
        if bounds is None:
            return
        left, top, right, bottom = bounds
        part = np.s_[top:bottom, left:right]
        cover = _array(mask.crop(bounds))
        # A dry brush leaves the paper's tooth at the edge of a stroke.
        cover = (np.clip(cover * (1.15 + 0.25 * self._tooth[part]), 0, 1) * alpha).astype(
            np.float32
        )
        tone: Field = (1 + texture * self._brush[part]).astype(np.float32)
        if shade:
            dx, dy, strength = shade
            y, x = np.mgrid[0 : 1 : (bottom - top) * 1j, 0 : 1 : (right - left) * 1j]
            darker = 1 - strength * np.clip(0.5 + dx * (x - 0.5) + dy * (y - 0.5), 0, 1)
            tone = (tone * darker).astype(np.float32)
        paint = np.clip(rgb(color) * tone[..., None], 0, 1)
        a = cover[..., None]
        self.pixels[part] = (self.pixels[part] * (1 - a) + paint * a).astype(np.float32)

    def _light(self, amount: Field, color: str) -> None:
        lit = 1 - (1 - self.pixels) * (1 - rgb(color) * amount)
        self.pixels = lit.astype(np.float32)


def _eased(shifts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Spread the shifts of a round outline over its neighbours: a curve bends, it has no teeth."""
    if len(shifts) < ROUND:
        return shifts
    turns = [np.roll(shifts, k, axis=0) for k in range(-5, 6)]
    return np.asarray(np.sum(turns, axis=0) / 4, np.float64)


def _array(mask: Image.Image) -> Field:
    return (np.asarray(mask, np.float32) / 255).astype(np.float32)
