"""The Korean font that pictures are drawn with, out of an installed package."""

from __future__ import annotations

from base64 import b64encode
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

from fabula.errors import MissingExtra

WEB_FAMILY = "Fabula Hangul"
"""The name under which a page's own styles list the embedded font, after every system font."""

_PACKAGE = "koreanize_matplotlib"
_REGULAR = "NanumGothic.ttf"
_BOLD = "NanumGothicExtraBold.ttf"


def font_file(bold: bool = False) -> Path:
    """Return the path of NanumGothic (OFL), regular or extra bold.

    The package is located and never imported: importing it would pull matplotlib in.
    """
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise MissingExtra("font", "media")
    path = Path(spec.origin).parent / "fonts" / (_BOLD if bold else _REGULAR)
    if not path.is_file():
        raise MissingExtra(f"font {path.name}", "media")
    return path


def web_font(text: str, bold: bool = False) -> bytes:
    """Return a WOFF with the glyphs of `text` alone, for a page that must not fetch anything."""
    try:
        from fontTools import subset  # type: ignore[import-untyped]  # no types
    except ImportError:
        raise MissingExtra("font", "media") from None

    options = subset.Options()
    options.flavor = "woff"
    options.hinting = False
    options.layout_features = []
    options.drop_tables = [*options.drop_tables, "TSI0", "TSI1", "TSI2", "TSI3", "TSI5"]
    woff = BytesIO()
    with subset.load_font(str(font_file(bold)), options) as font:
        subsetter = subset.Subsetter(options)
        subsetter.populate(text=text)
        subsetter.subset(font)
        subset.save_font(font, woff, options)
    return woff.getvalue()


def font_faces(text: str) -> str:
    """Return the CSS rules that embed `WEB_FAMILY`, regular and heavy, for the letters of `text`.

    A machine without any Korean font shows the page with it; others never read it.
    """
    faces = []
    for weight in ("400", "700 900"):
        woff = b64encode(web_font(text, bold=weight != "400")).decode("ascii")
        faces.append(
            f'@font-face{{font-family:"{WEB_FAMILY}";font-weight:{weight};'
            f'src:url(data:font/woff;base64,{woff}) format("woff")}}\n'
        )
    return "".join(faces)
