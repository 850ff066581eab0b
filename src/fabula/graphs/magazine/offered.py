"""What a magazine offers to change and to replay; the graphs are loaded when they are used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fabula.documents import Document
from fabula.documents.magazine import ChangeTemplate, RewriteSection, SourceSet
from fabula.graphs.magazine.agents import OUTLINE, SECTION_WRITERS
from fabula.nodes import Change, Parent, Start


async def _begin_template(parent: Parent, request: ChangeTemplate) -> Start:
    from fabula.graphs.magazine.changes import begin_template

    return await begin_template(parent, request)


async def _begin_rewrite(parent: Parent, request: RewriteSection) -> Start:
    from fabula.graphs.magazine.changes import begin_rewrite

    return await begin_rewrite(parent, request)


def _build_template(services: Any, flags: Any, *, replace: Any = None) -> Any:
    from fabula.graphs.magazine.changes import build_template

    return build_template(services, flags, replace=replace)


def _build_rewrite(services: Any, flags: Any, *, replace: Any = None) -> Any:
    from fabula.graphs.magazine.changes import build_rewrite

    return build_rewrite(services, flags, replace=replace)


CHANGES: Mapping[str, Change[Any]] = {
    "change_template": Change(
        name="change_template",
        request=ChangeTemplate,
        begin=_begin_template,
        build=_build_template,
        agents=(OUTLINE, *SECTION_WRITERS.values()),
    ),
    "rewrite": Change(
        name="rewrite",
        request=RewriteSection,
        begin=_begin_rewrite,
        build=_build_rewrite,
        agents=tuple(SECTION_WRITERS.values()),
    ),
}

RECORDED: Mapping[str, Mapping[str, type[Document]]] = {"fetch_sources": {"sources": SourceSet}}
"""The one node that reads files and the web, and the document that a replay takes in its place."""
