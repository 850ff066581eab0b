"""The article as one HTML file that asks no host for anything."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from fabula.documents.magazine import (
    Citation,
    LayoutParagraph,
    LayoutQuote,
    LayoutSection,
    MagazineLayout,
    SectionType,
)
from fabula.documents.magazine import Picture as LayoutPicture
from fabula.errors import GateFailed
from fabula.media.font import font_faces
from fabula.media.pictures import open_picture

_FOLDER = Path(__file__).parents[2] / "templates" / "magazine"
_PAGE = "page.html.j2"
_DIRECTIONS = ("editorial-deep", "shopping-guide", "pinterest-board")
_ENDS: tuple[SectionType, ...] = ("intro", "closing")
_UNNUMBERED: tuple[SectionType, ...] = (*_ENDS, "quote_pull")
_WIDE: tuple[SectionType, ...] = ("mood_board", "closing")
_WEB_ADDRESS = re.compile(r"https?://[^\s<>\"'`\\]+", re.IGNORECASE)
_LETTERS_A_MINUTE = 500
_TALL = 1.1
_SYLLABLE = re.compile("[가-힣]")
_NOTHING = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")

Share = Literal["full", "half", "third"]


@dataclass(frozen=True)
class _Figure:
    src: str
    alt: str
    width: int
    height: int

    @property
    def tall(self) -> bool:
        return self.height > self.width * _TALL


@dataclass(frozen=True)
class _Note:
    """A citation's mark in the text; `place` is its anchor, which its source links back to."""

    number: int
    place: str


@dataclass(frozen=True)
class _Paragraph:
    text: str
    notes: tuple[_Note, ...]
    figure: _Figure | None
    """What a mood_board's caption stands under."""


@dataclass(frozen=True)
class _Quote:
    text: str
    author: str
    note: _Note


@dataclass(frozen=True)
class _Section:
    anchor: str
    type: SectionType
    placeholder: bool
    heading: str
    paragraphs: tuple[_Paragraph, ...]
    quote: _Quote | None
    figure: _Figure | None
    reason: str | None
    pick: int | None
    """Its number among the sections of the body; a quote stands between them without one."""
    share: Share
    """How much of a row a card takes where cards stand in a grid, so that every row is full."""

    @property
    def notes(self) -> tuple[_Note, ...]:
        """Its citations' marks in page order."""
        quoted = (self.quote.note,) if self.quote else ()
        return (*quoted, *(note for paragraph in self.paragraphs for note in paragraph.notes))

    @property
    def opens_with_letter(self) -> bool:
        """A syllable may stand as a drop cap; a bracket, a quote, a figure or half a word not."""
        return bool(self.paragraphs and _SYLLABLE.match(self.paragraphs[0].text))


@dataclass(frozen=True)
class _Source:
    citation: Citation
    link: str | None
    places: tuple[str, ...]


def render_page(
    layout: MagazineLayout, pictures: Mapping[str, bytes], *, url: str | None = None
) -> str:
    """Return `layout` as a self-contained HTML page, with `pictures` by artifact hash inlined.

    `url` is where the page's folder will stand on the web, for those who show links to it.

    The art direction follows `layout.template_id`; an unknown one is shown as `editorial-deep`.
    A picture that is missing or cannot be decoded is left out. Equal input gives equal text.
    GateFailed where a paragraph cites a number that the layout has no source for.
    """
    direction = layout.template_id if layout.template_id in _DIRECTIONS else _DIRECTIONS[0]
    figures = _figures(layout, pictures)
    cover = _cover(layout.sections, figures)
    sections = tuple(_sections(layout, figures, cover))
    html = _page().render(
        layout=layout,
        url=url,
        direction=direction,
        cover=figures.get(cover) if cover else None,
        sections=sections,
        runs=_runs(sections),
        sources=_sources(layout.citations, sections),
        minutes=_minutes(layout.sections),
        css=Markup(_styles(layout, direction)),  # noqa: S704 - our own files and a font
    )
    return _NOTHING.sub("", html)


@cache
def _page() -> Template:
    return Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template(_PAGE)


def _styles(layout: MagazineLayout, direction: str) -> str:
    fonts = font_faces(layout.model_dump_json() + _page_text())
    return fonts + _css("page-base") + _css(f"page-{direction}")


@cache
def _css(name: str) -> str:
    return (_FOLDER / f"{name}.css").read_text(encoding="utf-8")


@cache
def _page_text() -> str:
    return (_FOLDER / _PAGE).read_text(encoding="utf-8")


def _data_uri(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{b64encode(data).decode('ascii')}"


def _figures(layout: MagazineLayout, pictures: Mapping[str, bytes]) -> dict[str, _Figure]:
    found = {}
    for picture in layout.pictures:
        if picture.hash in pictures and picture.hash not in found:
            figure = _figure(picture, pictures[picture.hash])
            if figure:
                found[picture.hash] = figure
    return found


def _figure(picture: LayoutPicture, data: bytes) -> _Figure | None:
    try:
        media_type, width, height = open_picture(data)
    except ValueError:
        return None
    return _Figure(_data_uri(media_type, data), picture.alt, width, height)


def _cover(sections: Sequence[LayoutSection], figures: Mapping[str, _Figure]) -> str | None:
    """Choose the cover's picture: one of an end's own, or an intro's that is shown again below."""
    ends = [_hash(section) for section in sections if section.type in _ENDS]
    body = {_hash(section) for section in sections if section.type not in _ENDS}
    shown = [hash_ for hash_ in ends if hash_ in figures]
    return next((hash_ for hash_ in shown if hash_ not in body), shown[0] if shown else None)


def _hash(section: LayoutSection) -> str:
    return section.picture.hash if section.picture else ""


def _sections(
    layout: MagazineLayout, figures: Mapping[str, _Figure], cover: str | None
) -> list[_Section]:
    known = {citation.number for citation in layout.citations}
    shares = _shares(layout.sections)
    pick = 0
    shown = []
    for index, section in enumerate(layout.sections):
        written = section.status == "written"
        picked = written and section.type not in _UNNUMBERED
        pick += picked
        at_cover = section.type in _ENDS and _hash(section) == cover
        shown.append(
            _Section(
                anchor=f"section-{index + 1}",
                type=section.type,
                placeholder=not written,
                heading=section.heading,
                paragraphs=tuple(
                    _paragraph(paragraph, known, figures, at=f"{index}.paragraphs.{number}")
                    for number, paragraph in enumerate(section.paragraphs)
                ),
                quote=_quote(section.quote, known, at=f"{index}.quote") if section.quote else None,
                figure=None if at_cover else figures.get(_hash(section)),
                reason=section.reason,
                pick=pick if picked else None,
                share=shares[index],
            )
        )
    return shown


def _paragraph(
    paragraph: LayoutParagraph, known: set[int], figures: Mapping[str, _Figure], *, at: str
) -> _Paragraph:
    numbers = tuple(dict.fromkeys(paragraph.citations))
    picture = paragraph.picture
    return _Paragraph(
        paragraph.text,
        tuple(_note(number, known, at=at) for number in numbers),
        figures.get(picture.hash) if picture else None,
    )


def _quote(quote: LayoutQuote, known: set[int], *, at: str) -> _Quote:
    return _Quote(quote.text, quote.author, _note(quote.citation, known, at=at))


def _note(number: int, known: set[int], *, at: str) -> _Note:
    if number not in known:
        raise GateFailed(
            f"sections.{at}.citations", got=f"{number}", wanted="a number of `citations`"
        )
    place = at.replace(".paragraphs.", "-").replace(".", "-")
    return _Note(number, f"note-{place}-{number}")


def _runs(sections: Sequence[_Section]) -> list[list[_Section]]:
    """Cut the body where a section takes the whole width, so that columns are filled between."""
    runs: list[list[_Section]] = []
    for section in sections:
        alone = section.type in _WIDE or (runs and runs[-1][-1].type in _WIDE)
        if alone or not runs:
            runs.append([])
        runs[-1].append(section)
    return runs


def _shares(sections: Sequence[LayoutSection]) -> list[Share]:
    """Lay each run of cards in rows of three, its first ones in rows of two where that is due."""
    shares: list[Share] = []
    for kind, run in groupby(sections, key=lambda section: section.type):
        count = len(list(run))
        if kind != "curation_card" or count == 1:
            shares += ["full"] * count
            continue
        halves = {0: 0, 1: 4, 2: 2}[count % 3]
        shares += ["half"] * halves
        shares += ["third"] * (count - halves)
    return shares


def _sources(citations: Sequence[Citation], sections: Sequence[_Section]) -> tuple[_Source, ...]:
    notes = [note for section in sections for note in section.notes]
    return tuple(
        _Source(
            citation,
            link=_link(citation.url),
            places=tuple(note.place for note in notes if note.number == citation.number),
        )
        for citation in sorted(citations, key=lambda citation: citation.number)
    )


def _link(url: str | None) -> str | None:
    return url if url and _WEB_ADDRESS.fullmatch(url) else None


def _minutes(sections: Sequence[LayoutSection]) -> int:
    letters = sum(len(paragraph.text) for section in sections for paragraph in section.paragraphs)
    return max(1, round(letters / _LETTERS_A_MINUTE))
