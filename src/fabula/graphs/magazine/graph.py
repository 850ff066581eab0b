"""The magazine's graph: the pipeline of the user's document, from sources to a published page."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from fabula.graphs.magazine.assemble import assemble_layout
from fabula.graphs.magazine.classify import classify_template
from fabula.graphs.magazine.flags import MagazineFlags
from fabula.graphs.magazine.outline import plan_outline
from fabula.graphs.magazine.publish import publish
from fabula.graphs.magazine.sections import (
    CARRIED,
    judge_section,
    placeholder_section,
    write_section,
)
from fabula.graphs.magazine.sources import fetch_sources
from fabula.graphs.magazine.state import WRITE, MagazineInput, MagazineState
from fabula.graphs.magazine.thumbnail import generate_thumbnail
from fabula.nodes import RememberedDocuments, Replacements, Services, Steps, fan_out

if TYPE_CHECKING:
    from langgraph.graph import StateGraph

    Graph = StateGraph[MagazineState, None, MagazineInput, MagazineState]

MULTI_STAGE = (
    "fetch_sources",
    "classify_template",
    "plan_outline",
    WRITE,
    "validate_sections",
    "assemble_layout",
    "generate_thumbnail",
    "publish",
)


def build(
    services: Services, flags: MagazineFlags, *, replace: Replacements | None = None
) -> Graph:
    """Build the graph of the mode that `flags` name; it is not compiled.

    `replace` puts the reader's own steps in place by name: a node `async (state) -> update`, for
    `write_section` its `make`, for `validate_sections` its `judge`. A step with a parameter
    `services` is given the run's. The graph's input is `{"brief": id of a MagazineBrief}`, its
    last key `result` the id of a MagazineResult.
    """
    modes = {"multi_stage": _multi_stage}
    remembering = dataclasses.replace(services, documents=RememberedDocuments(services.documents))
    return modes[flags.mode](remembering, replace or {})


def _multi_stage(services: Services, replace: Replacements) -> Graph:
    from langgraph.graph import END, START, StateGraph

    step = Steps(MULTI_STAGE, services, replace).step
    graph = StateGraph(MagazineState, input_schema=MagazineInput)

    graph.add_node("fetch_sources", step("fetch_sources", fetch_sources(services)))
    graph.add_node("classify_template", step("classify_template", classify_template(services)))
    graph.add_node("plan_outline", step("plan_outline", plan_outline(services)))
    fan_out(
        graph,
        verb=WRITE,
        make=step(WRITE, write_section(services)),
        validator="validate_sections",
        judge=step("validate_sections", judge_section(services)),
        placeholder=placeholder_section(services),
        carry=CARRIED,
        after="plan_outline",
        then="assemble_layout",
    )
    graph.add_node("assemble_layout", step("assemble_layout", assemble_layout(services)))
    graph.add_node("generate_thumbnail", step("generate_thumbnail", generate_thumbnail(services)))
    graph.add_node("publish", step("publish", publish(services)))

    graph.add_edge(START, "fetch_sources")
    graph.add_edge("fetch_sources", "classify_template")
    graph.add_edge("classify_template", "plan_outline")
    graph.add_edge("assemble_layout", "generate_thumbnail")
    graph.add_edge("generate_thumbnail", "publish")
    graph.add_edge("publish", END)
    return graph
