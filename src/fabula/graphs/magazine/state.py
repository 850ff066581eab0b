"""The magazine's state: document ids and slots, never text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, TypedDict

from fabula.nodes import Slot, Slots, merge_slots, slots_of

WRITE = "write_section"


class MagazineInput(TypedDict):
    """What a run starts from: the id of its MagazineBrief."""

    brief: str


class MagazineState(MagazineInput, total=False):
    """Ids of documents, one key a step; `thumbnail` is an artifact's hash."""

    sources: str
    template_id: str
    outline: str
    items: Annotated[Slots, merge_slots]
    layout: str
    thumbnail: str
    result: str


def section_plans(items: Mapping[str, Slot]) -> list[str]:
    """Return the ids of the `SectionPlan`s, in page order."""
    return [slot["plan"] for slot in slots_of(items, WRITE)]


def written_sections(items: Mapping[str, Slot]) -> list[str]:
    """Return the ids of the `WrittenSection`s that are settled, in page order."""
    return [
        slot["document"]
        for slot in slots_of(items, WRITE)
        if slot["document"] and slot["status"] in ("accepted", "placeholder")
    ]
