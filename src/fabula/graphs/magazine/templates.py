"""The registry of templates: data under `templates/magazine/`, one file a template."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, get_args

from pydantic import ConfigDict, Field, TypeAdapter, model_validator
from pydantic.dataclasses import dataclass

from fabula.documents.magazine import BodyType, SectionType
from fabula.errors import GateFailed
from fabula.settings import read_yaml

FOLDER = Path(__file__).parents[2] / "templates"
FALLBACK = "editorial-deep"
COPY: tuple[BodyType, ...] = ("curation_card", "spotlight")
"""The body's types that are told in paragraphs of the writer's own."""
_EXACT = ConfigDict(extra="forbid")
_Colour = Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]


@dataclass(frozen=True, config=_EXACT)
class Range:
    """At least `least`, at most `most`, both included."""

    least: Annotated[int, Field(ge=0)]
    most: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if self.least > self.most:
            raise ValueError(f"least {self.least} is more than most {self.most}")
        return self

    def __contains__(self, count: int) -> bool:
        return self.least <= count <= self.most

    def __str__(self) -> str:
        return f"{self.least}-{self.most}"


@dataclass(frozen=True, config=_EXACT)
class SectionCount(Range):
    """How many sections an article has, intro and closing included."""

    default: Annotated[int, Field(ge=3)]


@dataclass(frozen=True, config=_EXACT)
class Colours:
    """The template's three colours, as `#rrggbb`."""

    paper: _Colour
    ink: _Colour
    accent: _Colour


@dataclass(frozen=True, config=_EXACT)
class SectionRules:
    """What a section of one type must be; lengths are in characters and count spaces.

    `characters`, `paragraphs` and `sentences` are of its copy: for a mood_board its captions,
    for a quote_pull what stands beside the quote. `notes` are for its writer.
    """

    heading: Range
    characters: Range
    paragraphs: Range
    sentences: Range
    notes: str
    quote: Range | None = None
    """How long a quote_pull's quote is."""
    caption: Range | None = None
    """How long each of a mood_board's captions is."""


@dataclass(frozen=True, config=_EXACT)
class TemplateSpec:
    """A kind of article: its voice, its colours, its sections and what each may be."""

    id: str
    name: str
    description: str
    register: Literal["합니다체", "해요체", "해라체"]
    palette: Colours
    sections: SectionCount
    body_types: Annotated[tuple[BodyType, ...], Field(min_length=1)]
    """The first one is copy, and stands in where another cannot be made of the posts."""
    banned_words: tuple[str, ...]
    rules: Mapping[SectionType, SectionRules]

    @model_validator(mode="after")
    def _whole(self) -> TemplateSpec:
        if self.body_types[0] not in COPY:
            raise ValueError(f"body_types must begin with one of: {', '.join(COPY)}")
        if missing := [one for one in get_args(SectionType) if one not in self.rules]:
            raise ValueError(f"rules: `{missing[0]}` is missing")
        if self.rules["quote_pull"].quote is None or self.rules["mood_board"].caption is None:
            raise ValueError("rules: quote_pull needs `quote`, mood_board needs `caption`")
        return self


@dataclass(frozen=True, config=_EXACT)
class Leftover:
    """A pattern that betrays the workshop, and what to tell the writer about it."""

    pattern: str
    says: str

    @model_validator(mode="after")
    def _compiles(self) -> Leftover:
        re.compile(self.pattern)
        return self


@dataclass(frozen=True, config=_EXACT)
class ErrorPages:
    """How a page that a server put in a post's place is known; it has at most `most_letters`."""

    most_letters: Annotated[int, Field(ge=0)]
    says: tuple[str, ...]
    """Regular expressions, one of which its title, its heading or its first line matches."""

    @model_validator(mode="after")
    def _compiles(self) -> ErrorPages:
        for pattern in self.says:
            re.compile(pattern)
        return self


@dataclass(frozen=True, config=_EXACT)
class PostRules:
    """What a text must be to count as a post; letters and digits are counted."""

    least_letters: Annotated[int, Field(ge=1)]
    error_pages: ErrorPages


@dataclass(frozen=True, config=_EXACT)
class HouseRules:
    """Rules of every template; `longest_copy` and `longest_repeat` are in characters."""

    longest_copy: Annotated[int, Field(ge=20)]
    longest_repeat: Annotated[int, Field(ge=20)]
    """How much two sections of one article may say in the same words."""
    leftovers: tuple[Leftover, ...]
    posts: PostRules


def load_templates(folder: Path) -> Mapping[str, TemplateSpec]:
    """Read every template of a folder, by file name; pydantic's error names file and field."""
    adapter = TypeAdapter(TemplateSpec)
    specs = [adapter.validate_python(read_yaml(path)) for path in sorted(folder.glob("*.yaml"))]
    return MappingProxyType({spec.id: spec for spec in specs})


TEMPLATE_REGISTRY: Mapping[str, TemplateSpec] = load_templates(FOLDER / "magazine")
HOUSE_RULES = TypeAdapter(HouseRules).validate_python(read_yaml(FOLDER / "magazine_rules.yaml"))


def template(template_id: str) -> TemplateSpec:
    """Return the template of that id; GateFailed where a state names one that does not exist."""
    if template_id not in TEMPLATE_REGISTRY:
        raise GateFailed(
            "template_id", got=f"`{template_id}`", wanted=f"one of {', '.join(TEMPLATE_REGISTRY)}"
        )
    return TEMPLATE_REGISTRY[template_id]
