from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from fabula.media.pictures import open_picture, web_picture


def encoded(kind: str, size: tuple[int, int] = (40, 30), mode: str = "RGB", **save: Any) -> bytes:
    out = BytesIO()
    Image.effect_noise(size, 60).convert(mode).save(out, kind, **save)
    return out.getvalue()


def png_that_claims(width: int, height: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + body))
        return struct.pack(">I", len(body)) + name + body + check

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"")


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("WEBP", "image/webp"),
        ("GIF", "image/gif"),
    ],
)
def test_tells_type_and_size_of_the_four_kinds(kind: str, media_type: str) -> None:
    assert open_picture(encoded(kind)) == (media_type, 40, 30)


def test_size_is_the_one_that_is_displayed() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert open_picture(encoded("JPEG", exif=exif)) == ("image/jpeg", 30, 40)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<!doctype html><script>alert(1)</script>",
        b"GIF89a",
        encoded("BMP"),
        encoded("TIFF"),
    ],
    ids=["empty", "svg", "html", "only a signature", "bmp", "tiff"],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"no JPEG, PNG, WebP or GIF|damaged"):
        open_picture(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_truncated_picture_is_refused_with_the_reason(kind: str) -> None:
    data = encoded(kind, (200, 200))
    with pytest.raises(ValueError, match=r"damaged|no JPEG"):
        open_picture(data[: len(data) // 2])


@pytest.mark.parametrize("size", [(8000, 5001), (20000, 20000), (60000, 60000)])
def test_too_many_pixels_are_refused_before_they_are_decoded(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="pixels"):
        open_picture(png_that_claims(*size))


def test_too_many_bytes_are_refused_unread() -> None:
    with pytest.raises(ValueError, match=r"15,000,001 bytes, at most 15,000,000"):
        open_picture(b"\xff" * 15_000_001)


def test_web_picture_is_narrowed_and_keeps_its_proportion() -> None:
    assert open_picture(web_picture(encoded("JPEG", (2560, 1000)))) == ("image/jpeg", 1280, 500)
    assert open_picture(web_picture(encoded("JPEG", (300, 200)))) == ("image/jpeg", 300, 200)


def test_web_picture_turns_the_picture_upright_and_drops_what_it_says_of_its_maker() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Camera of Somebody"
    clean = web_picture(encoded("JPEG", exif=exif, comment=b"at home"))
    assert open_picture(clean)[1:] == (30, 40)
    assert b"Somebody" not in clean
    assert b"at home" not in clean
    with Image.open(BytesIO(clean)) as image:
        assert not image.getexif()


def test_web_picture_drops_the_texts_of_a_png() -> None:
    info = PngInfo()
    info.add_text("Author", "Somebody")
    out = BytesIO()
    Image.new("RGBA", (20, 20), (10, 20, 30, 40)).save(out, "PNG", pnginfo=info)
    assert b"Somebody" in out.getvalue()
    assert b"Somebody" not in web_picture(out.getvalue())


def test_transparency_survives_as_png() -> None:
    out = BytesIO()
    Image.new("RGBA", (20, 20), (200, 20, 30, 40)).save(out, "WEBP", lossless=True)
    with Image.open(BytesIO(web_picture(out.getvalue()))) as image:
        assert (image.format, image.getpixel((5, 5))) == ("PNG", (200, 20, 30, 40))


def test_drawing_stays_png_and_noisy_png_becomes_jpeg() -> None:
    flat = BytesIO()
    Image.new("RGB", (400, 400), "#9a3b26").save(flat, "PNG")
    assert open_picture(web_picture(flat.getvalue()))[0] == "image/png"
    assert open_picture(web_picture(encoded("PNG", (400, 400))))[0] == "image/jpeg"


def test_colours_of_a_profile_are_brought_to_srgb() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    out = BytesIO()
    Image.new("RGB", (20, 20), "#80c040").save(out, "PNG", icc_profile=profile)
    with Image.open(BytesIO(web_picture(out.getvalue()))) as image:
        assert "icc_profile" not in image.info


@pytest.mark.parametrize("mode", ["CMYK", "L"])
def test_other_colour_modes_become_web_pictures(mode: str) -> None:
    assert open_picture(web_picture(encoded("JPEG", mode=mode)))[0] == "image/jpeg"


def test_sixteen_bit_greys_keep_their_brightness() -> None:
    out = BytesIO()
    Image.new("I;16", (20, 20), 32768).save(out, "PNG")
    with Image.open(BytesIO(web_picture(out.getvalue()))) as image:
        assert image.convert("L").getpixel((5, 5)) == pytest.approx(128, abs=2)


def test_equal_pictures_give_equal_bytes() -> None:
    data = encoded("JPEG", (1500, 300))
    assert web_picture(data) == web_picture(data)
