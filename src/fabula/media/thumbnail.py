"""The article's thumbnail: its title set in Korean beside its own pictures, or a pattern."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

from fabula.errors import MissingExtra
from fabula.media.colour import RGB, mix, parse_colour, readable
from fabula.media.font import font_file
from fabula.media.lettering import Lettering, drawable, fit, load_font
from fabula.media.pictures import decode

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

_TITLE_SIZES = range(136, 34, -2)
_KICKER_SIZES = range(30, 19, -2)
_TITLE_CONTRAST = 7.0
_KICKER_CONTRAST = 4.5
_SMALLEST = 200
# Faces stand above the middle of a picture more often than below it.
_FOCUS = (0.5, 0.42)
_MOST_PICTURES = 3


@dataclass(frozen=True)
class Palette:
    """A template's three colours, each as `#rrggbb`."""

    paper: str
    ink: str
    accent: str


class _Box(NamedTuple):
    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top


class _Inks(NamedTuple):
    paper: RGB
    title: RGB
    kicker: RGB
    accent: RGB


def draw_thumbnail(
    *,
    title: str,
    kicker: str,
    palette: Palette,
    pictures: Sequence[bytes] = (),
    size: tuple[int, int] = (1200, 630),
) -> bytes:
    """Draw a PNG of `size`: the title, a line above it, and up to three pictures.

    Equal input gives equal bytes. A picture that cannot be decoded is left out; without any, a
    pattern made from the title stands in. Characters that the font lacks are not drawn. Ink and
    accent are moved as far as reading on the paper needs.
    """
    try:
        from PIL import Image, ImageDraw
    except ImportError:
        raise MissingExtra("thumbnail", "media") from None
    if min(size) < _SMALLEST:
        raise ValueError(f"size: got {size}, wanted at least {_SMALLEST} x {_SMALLEST} pixels")

    inks = _inks(palette)
    image = Image.new("RGB", size, inks.paper)
    opened = list(_opened(pictures))
    art, words = _halves(size, tile=None if opened else -(-min(size) // 3))
    if opened:
        _place(image, opened, art, gap=max(2, round(min(size) / 90)))
    else:
        pattern = _pattern((art.width, art.height), inks, tile=-(-min(size) // 3), seed=title)
        image.paste(pattern, (art.left, art.top))
    _write(ImageDraw.Draw(image), words, inks, title=title, kicker=kicker)
    out = BytesIO()
    image.save(out, "PNG", compress_level=9)
    return out.getvalue()


def _inks(palette: Palette) -> _Inks:
    paper = parse_colour(palette.paper, name="paper")
    accent = parse_colour(palette.accent, name="accent")
    return _Inks(
        paper=paper,
        title=readable(parse_colour(palette.ink, name="ink"), on=paper, ratio=_TITLE_CONTRAST),
        kicker=readable(accent, on=paper, ratio=_KICKER_CONTRAST),
        accent=accent,
    )


def _halves(size: tuple[int, int], *, tile: int | None) -> tuple[_Box, _Box]:
    """Split the canvas: art to the right of the words, or above them where it is tall.

    With `tile` the art is a whole number of tiles deep.
    """
    width, height = size
    margin = round(min(size) * 0.11)
    gap = margin * 2 // 3
    wide = width > height * 1.2
    depth = round(width * 0.44) if wide else round(height * 0.55)
    if tile is not None:
        depth = max(1, depth // tile) * tile
    if wide:
        edge = width - depth
        return _Box(edge, 0, width, height), _Box(margin, margin, edge - gap, height - margin)
    return _Box(0, 0, width, depth), _Box(margin, depth + gap, width - margin, height - margin)


def _opened(pictures: Sequence[bytes]) -> Iterator[Image]:
    from PIL import ImageOps

    found = 0
    for data in pictures:
        if found == _MOST_PICTURES:
            return
        try:
            image = decode(data)
        except ValueError:
            continue
        found += 1
        yield ImageOps.exif_transpose(image)


def _place(canvas: Image, pictures: Sequence[Image], art: _Box, *, gap: int) -> None:
    from PIL import Image, ImageOps

    for picture, box in zip(pictures, _tiles(art, len(pictures), gap), strict=True):
        seen = picture.convert("RGBA")
        cropped = ImageOps.fit(
            seen, (box.width, box.height), Image.Resampling.LANCZOS, centering=_FOCUS
        )
        canvas.paste(cropped, (box.left, box.top), cropped)


def _tiles(art: _Box, count: int, gap: int) -> list[_Box]:
    left, top, right, bottom = art
    if count == 1:
        return [art]
    middle = (top + bottom) // 2 if count == 2 else top + round(art.height * 0.6)  # noqa: PLR2004
    below = middle + gap
    if count == 2:  # noqa: PLR2004
        return [_Box(left, top, right, middle), _Box(left, below, right, bottom)]
    centre = (left + right) // 2
    return [
        _Box(left, top, right, middle),
        _Box(left, below, centre - gap // 2, bottom),
        _Box(centre + gap - gap // 2, below, right, bottom),
    ]


def _pattern(size: tuple[int, int], inks: _Inks, *, tile: int, seed: str) -> Image:
    """Fill the picture's place with quarter rounds, laid by the title's hash."""
    from PIL import Image, ImageDraw

    scale = 2
    width, height = size
    rows, columns = -(-height // tile), -(-width // tile)
    side = tile * scale
    colours = (
        inks.accent,
        mix(inks.accent, inks.paper, 0.55),
        mix(inks.accent, inks.paper, 0.82),
        mix(inks.title, inks.accent, 0.25),
    )
    canvas = Image.new("RGB", (width * scale, height * scale), colours[2])
    draw = ImageDraw.Draw(canvas)
    dice = hashlib.sha256(seed.encode()).digest()
    for number in range(rows * columns):
        throw = dice[number % len(dice)]
        row, column = divmod(number, columns)
        x, y = column * side, row * side
        back = (number + throw) % len(colours)
        front = (back + 1 + (throw >> 4) % (len(colours) - 1)) % len(colours)
        draw.rectangle((x, y, x + side, y + side), fill=colours[back])
        _round(draw, (x, y), side, corner=throw % 5, colour=colours[front])
    return canvas.resize(size, Image.Resampling.LANCZOS)


def _round(draw: ImageDraw, at: tuple[int, int], side: int, *, corner: int, colour: RGB) -> None:
    """Draw a quarter round around one of a tile's four corners, or a whole one within it."""
    x, y = at
    if corner == 4:  # noqa: PLR2004 - the fifth shape
        inset = side // 5
        draw.ellipse((x + inset, y + inset, x + side - inset, y + side - inset), fill=colour)
        return
    centre_x, centre_y = x + side * (corner % 2), y + side * (corner // 2)
    start = (0, 90, 270, 180)[corner]
    draw.pieslice(
        (centre_x - side, centre_y - side, centre_x + side, centre_y + side),
        start,
        start + 90,
        fill=colour,
    )


def _write(draw: ImageDraw, box: _Box, inks: _Inks, *, title: str, kicker: str) -> None:
    unit = min(box.width / 527, box.height / 492)
    bar = max(2, round(8 * unit))
    draw.rectangle(
        (box.left, box.top, box.left + round(64 * unit), box.top + bar - 1), fill=inks.accent
    )
    bold = font_file(bold=True)
    top = box.top + bar + round(22 * unit)
    line = fit(
        drawable(kicker, bold),
        bold,
        width=box.width,
        height=round(44 * unit),
        sizes=_scaled(_KICKER_SIZES, unit),
    )
    _set(draw, line, (box.left, top), colour=inks.kicker)
    top += round(64 * unit)
    block = fit(
        drawable(title, bold),
        bold,
        width=box.width,
        height=box.bottom - top,
        sizes=_scaled(_TITLE_SIZES, unit),
    )
    _set(draw, block, (box.left, box.bottom - block.height), colour=inks.title)


def _scaled(sizes: range, unit: float) -> list[int]:
    return [max(8, round(size * unit)) for size in sizes]


def _set(draw: ImageDraw, block: Lettering, at: tuple[int, int], *, colour: RGB) -> None:
    font = load_font(font_file(bold=True), block.size)
    left, top = at
    for number, line in enumerate(block.lines):
        draw.text(
            (left, top + number * block.leading + block.leading // 2),
            line,
            font=font,
            fill=colour,
            anchor="lm",
        )
