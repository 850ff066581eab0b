"""The gallery: one page that shows what the demo made, whatever product made it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from fabula.errors import BadInput, MissingExtra
from fabula.media.font import font_faces

_FOLDER = Path(__file__).parents[1] / "templates"
_PAGE = "gallery.html.j2"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


@dataclass(frozen=True)
class GalleryItem:
    """One finished work: `href` and `thumbnail` are relative to the gallery page.

    `facts` are pairs of a label and its value, in the order in which they are shown.
    """

    product: str
    title: str
    note: str
    href: str
    thumbnail: str | None = None
    facts: tuple[tuple[str, str], ...] = ()


def render_gallery(items: Sequence[GalleryItem]) -> str:
    """Return the gallery as one HTML page, products in the order in which they first appear.

    BadInput names an address that is not relative. Equal input gives equal text.
    """
    for index, item in enumerate(items):
        _relative(item.href, field=f"items.{index}.href")
        if item.thumbnail is not None:
            _relative(item.thumbnail, field=f"items.{index}.thumbnail")
    products = tuple(dict.fromkeys(item.product for item in items))
    return _page().render(
        shelves=[(product, [i for i in items if i.product == product]) for product in products],
        fonts=Markup(_fonts(items)),  # noqa: S704 - rules made here, around a font's bytes
    )


def _fonts(items: Sequence[GalleryItem]) -> str:
    try:
        return font_faces(repr(items) + (_FOLDER / _PAGE).read_text(encoding="utf-8"))
    except MissingExtra:
        # A product that draws nothing installs no font, and still has a gallery.
        return ""


@cache
def _page() -> Template:
    return Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template(_PAGE)


def _relative(address: str, *, field: str) -> None:
    plain = address.isprintable() and address.strip() == address
    if not address or not plain or _SCHEME.match(address) or address[0] in "/\\":
        raise BadInput(
            field,
            f"got `{address}`, wanted a path relative to the gallery page",
            f"`{address}`은(는) 쓸 수 없습니다. 갤러리 페이지에서 본 상대 경로를 주세요",
        )
