from __future__ import annotations

import pytest

from fabula.gateway.models import Models
from fabula.graphs.magazine.agents import AGENTS, SECTION_WRITERS
from fabula.settings import Settings


def test_each_writer_has_a_name_and_a_prompt_of_its_own() -> None:
    assert len({agent.name for agent in AGENTS}) == len({one.prompt for one in AGENTS})
    for type_, agent in SECTION_WRITERS.items():
        assert (agent.name, agent.prompt) == (f"magazine.write_{type_}", f"magazine/write_{type_}")


@pytest.mark.parametrize(
    ("agent", "model"),
    [
        ("magazine.classify", "gemini-2.5-flash-lite"),
        ("magazine.outline", "gemini-2.5-pro"),
        ("magazine.polish", "gemini-2.5-pro"),
        ("magazine.compose", "gemini-2.5-pro"),
    ],
)
def test_the_map_pins_the_documents_models(agent: str, model: str) -> None:
    pinned = Models(Settings(), "cloud", keys=False).pinned(agent)
    assert (pinned.provider, pinned.name) == ("google_genai", model)
