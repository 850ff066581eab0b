"""What the README tells a reader to type is run, and what it points to is there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
RUNNABLE = re.findall(
    r"<!-- run -->\n```(python|bash)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE
)
LINKS = re.findall(r"\]\((?!https?:|#)([^)#]+)\)", README)
TARGETS = re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that looks like the repository's root to a reader of the examples."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    return tmp_path


@pytest.mark.parametrize(("language", "block"), RUNNABLE, ids=lambda text: text.strip()[:40])
def test_a_block_that_is_marked_to_run_does(
    language: str, block: str, folder: Path, fabula_home: Path
) -> None:
    commands = {"python": [sys.executable, "-c", block], "bash": ["bash", "-euo", "pipefail", "-c"]}
    command = commands[language] if language == "python" else [*commands[language], block]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    pages = [*folder.glob("out/*/index.html"), *fabula_home.glob("published/*/index.html")]
    assert pages
    assert all("<html" in page.read_text("utf-8") for page in pages)


def test_the_library_example_replaces_a_node_in_ten_lines() -> None:
    (example,) = [block for language, block in RUNNABLE if language == "python"]
    assert "replace=" in example
    assert len([line for line in example.splitlines() if line.strip()]) <= 10


@pytest.mark.parametrize("link", sorted(set(LINKS)))
def test_what_the_readme_links_to_is_there(link: str) -> None:
    assert (ROOT / link).exists()


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert TARGETS
    assert set(TARGETS) <= targets
