from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from fabula.media.images import Palette, draw_thumbnail

PALETTE = Palette(paper="#f7f3ea", ink="#1f1c18", accent="#9a3b26")
TITLE = "느린 가게들이 지키는 것"


def draw(**changes: Any) -> bytes:
    return draw_thumbnail(**{"title": TITLE, "kicker": "에디토리얼", "palette": PALETTE, **changes})


def flat(colour: str, size: tuple[int, int] = (300, 200)) -> bytes:
    out = BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data)).convert("RGB")


def area(image: Image.Image, colour: str) -> int:
    wanted = Image.new("RGB", (1, 1), colour).getpixel((0, 0))
    return sum(count for count, seen in image.getcolors(1 << 24) or () if seen == wanted)


def test_it_is_a_png_of_the_size_that_previews_want() -> None:
    image = Image.open(BytesIO(draw()))
    assert (image.format, image.size, image.info) == ("PNG", (1200, 630), {})


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_equal_input_gives_equal_bytes(count: int) -> None:
    pictures = [flat("#123456")] * count
    assert draw(pictures=pictures) == draw(pictures=pictures)


def test_every_picture_up_to_three_is_shown() -> None:
    colours = ["#ff0000", "#00ff00", "#0000ff", "#ff00ff"]
    for count in range(1, 5):
        image = opened(draw(pictures=[flat(c) for c in colours[:count]]))
        shown = [area(image, colour) > 20_000 for colour in colours]
        assert shown == [index < min(count, 3) for index in range(4)]


def test_broken_picture_is_skipped() -> None:
    good = flat("#00ff00")
    assert draw(pictures=[b"<svg/>", good[:60], good]) == draw(pictures=[good])
    assert draw(pictures=[b"junk"]) == draw()


def test_without_pictures_the_pattern_follows_the_title() -> None:
    left, right = (0, 0, 600, 630), (800, 0, 1200, 630)
    one, other = opened(draw(title="봄")), opened(draw(title="가을"))
    assert one.crop(right).tobytes() != other.crop(right).tobytes()
    assert one.crop(left).tobytes() != other.crop(left).tobytes()


@pytest.mark.parametrize("count", [0, 1, 2, 3])
@pytest.mark.parametrize(
    "title",
    ["봄", TITLE, "가나다라마 " * 12, "가" * 60, "W" * 60, "이 " * 30, "😀" * 20, ""],
)
def test_no_title_leaves_the_margin_or_touches_a_picture(title: str, count: int) -> None:
    white = Palette("#ffffff", "#000000", "#ffffff")
    image = opened(draw(title=title, kicker="", palette=white, pictures=[flat("#ffffff")] * count))
    art = 672 if count else 780
    drawn = image.crop((0, 0, art, 630)).point(lambda v: 255 - v).getbbox()
    if not title.strip("😀 "):
        assert drawn is None or drawn[3] < 100  # the accent's bar at most
        return
    assert drawn is not None
    assert drawn[0] >= 60
    assert drawn[2] <= art - 30
    assert drawn[3] <= 630 - 50


def test_ink_like_its_paper_is_made_readable() -> None:
    grey = Palette("#888888", "#888888", "#888888")
    image = opened(draw(palette=grey, pictures=[flat("#888888")]))
    extremes = image.convert("L").getextrema()
    assert extremes[0] == 0


def test_other_shapes_are_drawn_too() -> None:
    assert opened(draw(size=(1080, 1350), pictures=[flat("#00ff00")])).size == (1080, 1350)
    assert opened(draw(size=(400, 210))).size == (400, 210)


def test_bad_colour_and_tiny_size_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="accent: got `red`"):
        draw(palette=Palette("#ffffff", "#000000", "red"))
    with pytest.raises(ValueError, match="size: got"):
        draw(size=(100, 100))
