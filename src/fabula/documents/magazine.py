"""The magazine's documents: from the brief to the published layout.

Names follow the user's document: `TemplateChoice`, `SectionPlan`, `MagazineLayout`.
"""

from __future__ import annotations

from datetime import date as Date  # noqa: N812 - the field is named `date`
from typing import Literal

from pydantic import Field

from fabula.documents.base import Document, Strict
from fabula.documents.magazine_answers import (
    BodyType,
    Caption,
    ComposedBody,
    ComposedMood,
    ComposedQuote,
    ComposedText,
    Composition,
    Mode,
    MoodDraft,
    Outline,
    Paragraph,
    PlannedBody,
    PlannedEnd,
    Polish,
    PolishedSection,
    PostRef,
    QuoteDraft,
    SectionDraft,
    SectionType,
    TemplateChoice,
)
from fabula.documents.portable import MachinePath

__all__ = [
    "BodyType",
    "Caption",
    "ChangeTemplate",
    "Citation",
    "ComposedBody",
    "ComposedMood",
    "ComposedQuote",
    "ComposedText",
    "Composition",
    "Excerpt",
    "LayoutParagraph",
    "LayoutQuote",
    "LayoutSection",
    "MagazineBrief",
    "MagazineLayout",
    "MagazineOutline",
    "MagazineResult",
    "Mode",
    "MoodDraft",
    "Outline",
    "Paragraph",
    "Picture",
    "PlannedBody",
    "PlannedEnd",
    "Polish",
    "PolishedSection",
    "Post",
    "PostInput",
    "PostRef",
    "ProblemKind",
    "Quote",
    "QuoteDraft",
    "RewriteSection",
    "SectionDraft",
    "SectionPlan",
    "SectionType",
    "SourceProblem",
    "SourceSet",
    "SourceText",
    "TemplateChoice",
    "WrittenSection",
]


class PostInput(Strict):
    """One source post as a brief, a JSON file or a Markdown file with front matter gives it."""

    id: str = Field(pattern=r"^[A-Za-z0-9가-힣][A-Za-z0-9가-힣._-]{0,79}$")
    title: str = Field(min_length=1, max_length=200)
    text: str = Field(min_length=1, max_length=1_000_000)
    author: str | None = None
    url: str | None = None
    date: Date | None = None
    image: MachinePath | None = None
    """Path of a picture, relative to the file that names it."""
    image_alt: str | None = None
    tags: tuple[str, ...] = ()


class MagazineBrief(Document):
    """What the magazine is asked to make.

    `sources` is a JSON file (a list of posts, or `{"posts": [...]}`), a folder of posts in
    Markdown, HTML or plain text, one such file, an RSS or Atom file, or the http(s) address of a
    feed or a page; `posts` carries posts inline; at least one of the two is needed.
    """

    angle: str = Field(min_length=1, max_length=2000)
    sources: MachinePath | None = None
    posts: tuple[PostInput, ...] = ()
    featured: tuple[str, ...] = ()
    """Ids of posts that must appear in the article."""
    sections: int | None = Field(default=None, ge=3, le=24)
    """How many sections the article has, intro and closing included; None: the template's."""
    seed: int = 0
    date: Date | None = None


class Excerpt(Strict):
    """A stretch of a post's whole text: the places of its first character and past its last."""

    start: int = Field(ge=0)
    end: int = Field(ge=0)


class SourceText(Document):
    """The whole text of a post that was too long to be used whole."""

    text: str


class Post(Strict):
    """A source post as the article may cite it; `picture` is an artifact's content hash.

    A long post's `text` is its `excerpts` one after another, a line of `…` between them; `original`
    is the id of the SourceText that their places are counted in.
    """

    id: str
    title: str
    text: str
    author: str | None
    url: str | None
    date: Date | None
    picture: str | None
    picture_alt: str | None
    excerpts: tuple[Excerpt, ...] = ()
    original: str | None = None


ProblemKind = Literal[
    "source_refused",
    "picture_refused",
    "link_refused",
    "date_refused",
    "front_matter_repaired",
    "feed_repaired",
    "id_changed",
    "source_decoded",
    "passed_over",
]


class SourceProblem(Strict):
    """What could not be used of a source: where it stands and why.

    Only `source_refused` costs the post; with every other kind it is used without that part.
    `source_decoded` names an encoding that is not UTF-8, `passed_over` files that are no posts.
    """

    source: str
    reason: str
    kind: ProblemKind = "source_refused"


class SourceSet(Document):
    posts: tuple[Post, ...]
    problems: tuple[SourceProblem, ...]


# What the graph keeps.


class SectionPlan(Document):
    """One planned section: what it is for and the posts it may use; no copy."""

    section_id: str
    type: SectionType
    purpose: str
    post_ids: tuple[str, ...]


class MagazineOutline(Document):
    """The article's plan; `section_plans` are document ids of `SectionPlan`, in page order."""

    title: str
    dek: str
    template_id: str
    section_plans: tuple[str, ...]


class Quote(Strict):
    """Whole sentences of a post, word for word."""

    text: str
    post_id: str


class WrittenSection(Document):
    """A section's copy, or the typed placeholder that stands where none passed.

    A quote_pull has a `quote`, and its one paragraph says why it stands here. A mood_board's
    paragraphs are its captions: each cites the one post whose picture it stands under.
    """

    section_id: str
    type: SectionType
    status: Literal["written", "placeholder"]
    heading: str
    paragraphs: tuple[Paragraph, ...]
    quote: Quote | None = None
    reason: str | None = None
    """Why a placeholder stands here."""


class Citation(Strict):
    """A source as the reader sees it; `number` is what a paragraph's note shows."""

    number: int
    post_id: str
    title: str
    author: str | None
    url: str | None
    date: Date | None


class Picture(Strict):
    """A picture on the page; `hash` names the artifact, `name` the file beside the page."""

    hash: str
    name: str
    alt: str


class LayoutParagraph(Strict):
    text: str
    citations: tuple[int, ...]
    picture: Picture | None = None
    """What a mood_board's caption stands under."""


class LayoutQuote(Strict):
    """A quote as the reader sees it; `author` is its post's, or where it has none the title."""

    text: str
    author: str
    citation: int


class LayoutSection(Strict):
    section_id: str
    type: SectionType
    status: Literal["written", "placeholder"]
    heading: str
    paragraphs: tuple[LayoutParagraph, ...]
    picture: Picture | None
    reason: str | None
    quote: LayoutQuote | None = None

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Its pictures in page order."""
        own = (self.picture, *(paragraph.picture for paragraph in self.paragraphs))
        return tuple(one for one in own if one is not None)


class MagazineLayout(Document):
    """The finished article, everything resolved: what `layout.json` holds and the page shows."""

    title: str
    dek: str
    angle: str
    template_id: str
    status: Literal["complete", "degraded"]
    """`degraded`: at least one section is a placeholder."""
    date: Date | None
    offline: bool
    """Written by the offline model: not prose worth reading, and the page says so."""
    sections: tuple[LayoutSection, ...]
    citations: tuple[Citation, ...]

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Every section's pictures in page order."""
        return tuple(one for section in self.sections for one in section.pictures)


class MagazineResult(Document):
    """What a magazine run hands back: the layout's document id and the published place."""

    layout: str
    status: Literal["complete", "degraded"]
    title: str
    location: MachinePath
    mode: Mode = "multi_stage"
    """Which pipeline made it; results from before there were two do not say."""
    sources: str = ""
    outline: str = ""
    sections: tuple[str, ...] = ()
    """Document ids that a change starts from, sections in page order; older results have none."""


# What can be asked of a finished magazine.


class ChangeTemplate(Strict):
    """Plan the article again in another template, keeping every section that still holds."""

    template_id: str = Field(examples=["shopping-guide"])


class RewriteSection(Strict):
    """Write one section anew; `note` says what the reader wants of it."""

    section_id: str = Field(examples=["s2"])
    note: str | None = Field(default=None, max_length=600, examples=["더 짧게"])
