"""The magazine's agents: who is asked, with which prompt, for which typed answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fabula.documents.magazine import Outline, SectionDraft, SectionType, TemplateChoice
from fabula.gateway.agent import Agent

CLASSIFY = Agent("magazine.classify", "magazine/classify", TemplateChoice)
OUTLINE = Agent("magazine.outline", "magazine/outline", Outline)


def _writer(type: SectionType) -> Agent[SectionDraft]:  # noqa: A002 - a section's own word
    return Agent(f"magazine.write_{type}", f"magazine/write_{type}", SectionDraft)


SECTION_WRITERS: Mapping[SectionType, Agent[SectionDraft]] = {
    "intro": _writer("intro"),
    "curation_card": _writer("curation_card"),
    "spotlight": _writer("spotlight"),
    "closing": _writer("closing"),
}
"""The writer of each section type, each with a sub-prompt of its own."""

AGENTS: tuple[Agent[Any], ...] = (CLASSIFY, OUTLINE, *SECTION_WRITERS.values())
