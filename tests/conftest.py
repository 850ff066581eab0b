"""What every test stands on: a data folder of its own and an environment that says nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

CLEARED = ("FABULA_", "OPENAI_", "GOOGLE_", "GEMINI_", "MAGAZINE_", "LANGCHAIN_", "LANGSMITH_")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clear everything that settings or a provider's client would read."""
    for name in [name for name in os.environ if name.upper().startswith(CLEARED)]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def fabula_home(
    bare_environment: None,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """Point FABULA_HOME at a fresh folder, so that no test touches the user's own data."""
    home = tmp_path_factory.mktemp("fabula-home")
    monkeypatch.setenv("FABULA_HOME", str(home))
    return home
