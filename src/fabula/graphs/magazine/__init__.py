"""The magazine: real posts in, a finished article with its page out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fabula.graphs.magazine.agents import AGENTS
    from fabula.graphs.magazine.flags import MagazineFlags, limits
    from fabula.graphs.magazine.graph import build
    from fabula.graphs.magazine.state import MagazineState, section_plans, written_sections
    from fabula.graphs.magazine.templates import TEMPLATE_REGISTRY, TemplateSpec

__all__ = [
    "AGENTS",
    "TEMPLATE_REGISTRY",
    "MagazineFlags",
    "MagazineState",
    "TemplateSpec",
    "build",
    "limits",
    "section_plans",
    "written_sections",
]

# Lazy: the catalogue of products reads flags and agents and must not load a graph.
_HOMES = {
    "AGENTS": "agents",
    "MagazineFlags": "flags",
    "limits": "flags",
    "build": "graph",
    "MagazineState": "state",
    "section_plans": "state",
    "written_sections": "state",
    "TEMPLATE_REGISTRY": "templates",
    "TemplateSpec": "templates",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
