"""What is quick to import stays quick: heavy libraries are loaded where they are used."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = (
    "langgraph",
    "langchain_core",
    "langchain_openai",
    "openai",
    "PIL",
    "kiwipiepy",
    "matplotlib",
    "sqlalchemy",
    "alembic",
    "numpy",
    "httpx",
)
HELP = "import sys; sys.argv = ['fabula', '--help']; from fabula.cli import main; main()"
PRODUCTS = "import fabula.products"


def loaded_by(statement: str) -> set[str]:
    """Return the top-level packages that a fresh interpreter has loaded after a statement."""
    script = (
        "import atexit, json, sys\n"
        "atexit.register(lambda: sys.stderr.write(json.dumps(sorted(sys.modules))))\n" + statement
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    return {name.partition(".")[0] for name in json.loads(done.stderr)}


@pytest.mark.parametrize("statement", ["import fabula", HELP, PRODUCTS])
def test_loads_nothing_heavy(statement: str) -> None:
    assert loaded_by(statement).isdisjoint(HEAVY)


def test_help_loads_no_settings_either() -> None:
    assert "pydantic" not in loaded_by(HELP)


def test_the_measure_sees_what_is_loaded() -> None:
    assert "sqlalchemy" in loaded_by("import fabula; fabula.run")
