"""What the magazine's agents answer.

Agent outputs have no defaults: the provider's strict schema needs each field.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from fabula.documents.base import Ref, Strict

Mode = Literal["single_call", "multi_stage"]
SectionType = Literal["intro", "curation_card", "spotlight", "quote_pull", "mood_board", "closing"]
BodyType = Literal["curation_card", "spotlight", "quote_pull", "mood_board"]
PostRef = Annotated[str, Ref("post")]


class TemplateChoice(Strict):
    """The classifier's answer."""

    template_id: Annotated[str, Ref("template")]
    reason: str


class PlannedEnd(Strict):
    """Plan of an intro or a closing."""

    purpose: str
    post_ids: tuple[PostRef, ...]


class PlannedBody(Strict):
    """Plan of a section between intro and closing."""

    type: BodyType
    purpose: str
    post_ids: Annotated[tuple[PostRef, ...], Field(min_length=1)]


class Outline(Strict):
    """The planner's answer: an intro, the body and a closing, planned without copy."""

    title: str
    dek: str
    intro: PlannedEnd
    body: Annotated[tuple[PlannedBody, ...], Field(min_length=1)]
    closing: PlannedEnd


class Paragraph(Strict):
    """A paragraph and the posts that it rests on."""

    text: str
    post_ids: tuple[PostRef, ...]


class SectionDraft(Strict):
    """A section writer's answer."""

    heading: str
    paragraphs: Annotated[tuple[Paragraph, ...], Field(min_length=1)]


class QuoteDraft(Strict):
    """A quote_pull writer's answer: whole sentences of one post, and a word on why they stand."""

    heading: str
    quote: str
    post_id: PostRef
    lead: str


class Caption(Strict):
    """A line under the picture of one post."""

    text: str
    post_id: PostRef


class MoodDraft(Strict):
    """A mood_board writer's answer."""

    heading: str
    captions: Annotated[tuple[Caption, ...], Field(min_length=1)]


class _AnyOf:
    """Write a tagged union as `anyOf`: strict modes of providers know no `oneOf`."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return handler(source)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": handler(schema)["oneOf"]}


def _only(name: str) -> WithJsonSchema:
    # An enum of one: not every provider's strict mode knows `const`.
    return WithJsonSchema({"type": "string", "enum": [name]})


class _IsText(Strict):
    type: Literal["curation_card", "spotlight"]


class _IsQuote(Strict):
    type: Annotated[Literal["quote_pull"], _only("quote_pull")]


class _IsMood(Strict):
    type: Annotated[Literal["mood_board"], _only("mood_board")]


# The base that stands last gives its field first: a model names the type before it writes.


class ComposedText(SectionDraft, _IsText):
    """A card or a spotlight of an article that is written in one answer."""


class ComposedQuote(QuoteDraft, _IsQuote):
    """A quote_pull of an article that is written in one answer."""


class ComposedMood(MoodDraft, _IsMood):
    """A mood_board of an article that is written in one answer."""


ComposedBody = Annotated[
    ComposedText | ComposedQuote | ComposedMood, Field(discriminator="type"), _AnyOf()
]


class Composition(Strict):
    """The composer's answer: template, plan and copy of the whole article at once."""

    template_id: Annotated[str, Ref("template")]
    title: str
    dek: str
    intro: SectionDraft
    body: Annotated[tuple[ComposedBody, ...], Field(min_length=1)]
    closing: SectionDraft


class _IsSection(Strict):
    section_id: Annotated[str, Ref("section")]


class PolishedSection(SectionDraft, _IsSection):
    """One section's copy after a polish."""


class Polish(Strict):
    """The polisher's answer: the sections that it changed."""

    sections: tuple[PolishedSection, ...]
