"""The Korean font that pictures are drawn with, out of an installed package."""

from __future__ import annotations

from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

from fabula.errors import MissingExtra

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
    font = subset.load_font(str(font_file(bold)), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(text=text)
    subsetter.subset(font)
    woff = BytesIO()
    subset.save_font(font, woff, options)
    return woff.getvalue()
