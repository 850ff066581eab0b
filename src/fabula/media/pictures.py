"""Pictures from outside: verified by decoding them, and made ready for a page."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import TYPE_CHECKING

from fabula.errors import MissingExtra

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_BYTES = 15_000_000
MAX_PIXELS = 40_000_000
WEB_WIDTH = 1280

_MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
}
_ORIENTATION = 0x0112
_SIDEWAYS = (5, 6, 7, 8)
# What Pillow's decoders are known to raise on bytes that only pretend to be a picture.
_UNDECODABLE = (
    OSError,
    ValueError,
    SyntaxError,
    TypeError,
    LookupError,
    ArithmeticError,
    EOFError,
    struct.error,
    zlib.error,
)


def open_picture(data: bytes) -> tuple[str, int, int]:
    """Decode a picture and return its media type, width and height as it is displayed.

    ValueError gives the reason: no JPEG, PNG, WebP or GIF, damaged, over 15 MB or over 40
    megapixels. Only the first frame of a moving picture is looked at.
    """
    image = decode(data)
    width, height = image.size
    if image.getexif().get(_ORIENTATION) in _SIDEWAYS:
        width, height = height, width
    return _MEDIA_TYPES[str(image.format)], width, height


def web_picture(data: bytes) -> bytes:
    """Return the picture as a JPEG or PNG of at most 1280 px width, upright, without metadata."""
    from PIL import Image, ImageOps

    original = decode(data)
    flat = original.format in ("PNG", "GIF")
    image = _srgb(ImageOps.exif_transpose(original))
    if image.width > WEB_WIDTH:
        height = max(1, round(image.height * WEB_WIDTH / image.width))
        image = image.resize((WEB_WIDTH, height), Image.Resampling.LANCZOS)
    if image.mode == "RGBA":
        return _png(image)
    jpeg = _jpeg(image)
    # A drawing is smaller and crisper as a PNG, a photograph saved as a PNG is not.
    return min((_png(image), jpeg), key=len) if flat else jpeg


def decode(data: bytes) -> Image:
    """Open and load a picture with Pillow; ValueError gives the reason where it cannot be."""
    if len(data) > MAX_BYTES:
        raise ValueError(f"the picture has {len(data):,} bytes, at most {MAX_BYTES:,} are taken")
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise MissingExtra("pictures", "media") from None

    bombs = (Image.DecompressionBombError, Image.DecompressionBombWarning)
    try:
        image = Image.open(BytesIO(data), formats=tuple(_MEDIA_TYPES))
    except UnidentifiedImageError:
        raise ValueError("this is no JPEG, PNG, WebP or GIF picture") from None
    except bombs:
        raise ValueError(f"the picture has more than {MAX_PIXELS:,} pixels") from None
    except _UNDECODABLE as broken:
        raise ValueError(f"the picture is damaged: {broken}") from None
    if image.width * image.height > MAX_PIXELS:
        raise ValueError(
            f"the picture has {image.width} x {image.height} pixels, "
            f"at most {MAX_PIXELS:,} are taken"
        )
    try:
        image.load()
    except _UNDECODABLE as broken:
        raise ValueError(f"the picture is damaged: {broken}") from None
    return image


def _srgb(image: Image) -> Image:
    """Return the picture in RGB or RGBA, its colours as its own profile means them."""
    from PIL import ImageCms

    profile = image.info.get("icc_profile")
    target = "RGBA" if image.has_transparency_data else "RGB"
    if profile and image.mode in ("RGB", "RGBA", "CMYK"):
        try:
            converted = ImageCms.profileToProfile(
                image,
                ImageCms.ImageCmsProfile(BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode=target if image.mode != "CMYK" else "RGB",
            )
        except (ImageCms.PyCMSError, OSError, ValueError):
            converted = None
        if converted is not None:
            return converted
    if image.mode.startswith("I"):
        # Sixteen bits a channel: a plain conversion would clip instead of scaling.
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    return image.convert(target)


def _jpeg(image: Image) -> bytes:
    out = BytesIO()
    _bare(image.convert("RGB")).save(out, "JPEG", quality=84, optimize=True, progressive=True)
    return out.getvalue()


def _png(image: Image) -> bytes:
    out = BytesIO()
    _bare(image).save(out, "PNG", compress_level=9)
    return out.getvalue()


def _bare(image: Image) -> Image:
    """Return the pixels alone: Pillow writes back comments and texts that it has read."""
    from PIL import Image as Pillow

    bare = Pillow.new(image.mode, image.size)
    bare.paste(image)
    return bare
