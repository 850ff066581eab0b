"""The magazine's agents: who is asked, with which prompt, for which typed answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fabula.documents.magazine import (
    Composition,
    Mode,
    MoodDraft,
    Outline,
    Polish,
    QuoteDraft,
    SectionDraft,
    SectionType,
    TemplateChoice,
)
from fabula.gateway.agent import Agent, T
from fabula.graphs.magazine.flags import MagazineFlags

Draft = SectionDraft | QuoteDraft | MoodDraft

COMPOSE = Agent("magazine.compose", "magazine/compose", Composition)
CLASSIFY = Agent("magazine.classify", "magazine/classify", TemplateChoice)
OUTLINE = Agent("magazine.outline", "magazine/outline", Outline)
POLISH = Agent("magazine.polish", "magazine/polish", Polish)


def _writer(type: SectionType, draft: type[T]) -> Agent[T]:  # noqa: A002 - a section's own word
    return Agent(f"magazine.write_{type}", f"magazine/write_{type}", draft)


SECTION_WRITERS: Mapping[SectionType, Agent[Any]] = {
    "intro": _writer("intro", SectionDraft),
    "curation_card": _writer("curation_card", SectionDraft),
    "spotlight": _writer("spotlight", SectionDraft),
    "quote_pull": _writer("quote_pull", QuoteDraft),
    "mood_board": _writer("mood_board", MoodDraft),
    "closing": _writer("closing", SectionDraft),
}
"""The writer of each section type, each with a sub-prompt of its own; it answers a `Draft`."""

AGENTS: tuple[Agent[Any], ...] = (
    COMPOSE,
    CLASSIFY,
    OUTLINE,
    *SECTION_WRITERS.values(),
    POLISH,
)


def asked(flags: MagazineFlags) -> tuple[Agent[Any], ...]:
    """Return the agents that a run with these flags may ask."""
    modes: Mapping[Mode, tuple[Agent[Any], ...]] = {
        "single_call": (COMPOSE,),
        "multi_stage": (CLASSIFY, OUTLINE, *SECTION_WRITERS.values()),
    }
    return (*modes[flags.mode], *((POLISH,) if flags.polish_enabled else ()))
