"""The magazine's graphs: the pipelines of the user's document, from sources to a page."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from fabula.graphs.magazine.assemble import assemble_layout
from fabula.graphs.magazine.classify import classify_template
from fabula.graphs.magazine.compose import compose_layout
from fabula.graphs.magazine.flags import MagazineFlags
from fabula.graphs.magazine.outline import plan_outline
from fabula.graphs.magazine.polish import polish_layout
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

FINISH = ("assemble_layout", "generate_thumbnail", "publish")
SINGLE_CALL = ("fetch_sources", "compose_layout")
MULTI_STAGE = ("fetch_sources", "classify_template", "plan_outline", WRITE, "validate_sections")
POLISH = "polish_layout"


def build(
    services: Services, flags: MagazineFlags, *, replace: Replacements | None = None
) -> Graph:
    """Build the graph of the mode that `flags` name; it is not compiled.

    `replace` puts the reader's own steps in place by name: a node `async (state) -> update`, for
    `write_section` its `make`, for `validate_sections` its `judge`. A step with a parameter
    `services` is given the run's. The graph's input is `{"brief": id of a MagazineBrief}`, its
    last key `result` the id of a MagazineResult.
    """
    from langgraph.graph import StateGraph

    remembering = dataclasses.replace(services, documents=RememberedDocuments(services.documents))
    first = {"single_call": SINGLE_CALL, "multi_stage": MULTI_STAGE}[flags.mode]
    polish = (POLISH,) if flags.polish_enabled else ()
    steps = Steps((*first, *polish, *FINISH), remembering, replace or {})
    graph: Graph = StateGraph(MagazineState, input_schema=MagazineInput)
    written = (polish or FINISH)[0]
    if flags.mode == "single_call":
        _single_call(graph, remembering, steps, then=written)
    else:
        _multi_stage(graph, remembering, steps, then=written)
    if polish:
        own = polish_layout(remembering, temperature=flags.polish_temperature)
        graph.add_node(POLISH, steps.step(POLISH, own))
        graph.add_edge(POLISH, FINISH[0])
    _finish(graph, remembering, steps, flags)
    return graph


def _single_call(graph: Graph, services: Services, steps: Steps, *, then: str) -> None:
    from langgraph.graph import START

    graph.add_node("fetch_sources", steps.step("fetch_sources", fetch_sources(services)))
    graph.add_node("compose_layout", steps.step("compose_layout", compose_layout(services)))

    graph.add_edge(START, "fetch_sources")
    graph.add_edge("fetch_sources", "compose_layout")
    graph.add_edge("compose_layout", then)


def _multi_stage(graph: Graph, services: Services, steps: Steps, *, then: str) -> None:
    from langgraph.graph import START

    step = steps.step
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
        then=then,
    )

    graph.add_edge(START, "fetch_sources")
    graph.add_edge("fetch_sources", "classify_template")
    graph.add_edge("classify_template", "plan_outline")


def _finish(graph: Graph, services: Services, steps: Steps, flags: MagazineFlags) -> None:
    from langgraph.graph import END

    step = steps.step
    graph.add_node("assemble_layout", step("assemble_layout", assemble_layout(services)))
    graph.add_node("generate_thumbnail", step("generate_thumbnail", generate_thumbnail(services)))
    graph.add_node("publish", step("publish", publish(services, mode=flags.mode)))

    graph.add_edge("assemble_layout", "generate_thumbnail")
    graph.add_edge("generate_thumbnail", "publish")
    graph.add_edge("publish", END)
