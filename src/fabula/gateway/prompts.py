"""Prompt files: Markdown with a `## system` and a `## user` part, rendered in a sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

from jinja2 import StrictUndefined, Template
from jinja2.sandbox import ImmutableSandboxedEnvironment

from fabula.gateway.provider import Message, Role

FOLDER = Path(__file__).parents[1] / "prompts"


def data(text: object) -> str:
    """Escape untrusted text so that it stays inside the block it stands in."""
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@lru_cache(maxsize=256)
def _parts(name: str) -> tuple[tuple[Role, Template], ...]:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["data"] = data
    parts: list[tuple[Role, list[str]]] = []
    for line in (FOLDER / f"{name}.md").read_text("utf-8").splitlines():
        role = line.removeprefix("## ").strip()
        if line.startswith("## ") and role in get_args(Role):
            parts.append((role, []))  # type: ignore[arg-type]  # one of Role's names
        elif parts:
            parts[-1][1].append(line)
    return tuple((role, environment.from_string("\n".join(lines))) for role, lines in parts)


def render(name: str, variables: Mapping[str, Any]) -> tuple[Message, ...]:
    """Render `prompts/<name>.md`; text above the first part is a note to its readers.

    Raises jinja2.UndefinedError for a variable that was not given.
    """
    return tuple(
        Message(role, template.render(variables).strip()) for role, template in _parts(name)
    )
