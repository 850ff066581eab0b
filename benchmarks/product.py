"""A product without an agent's work, to weigh what stands around the nodes."""

from __future__ import annotations

import operator
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

from pydantic import Field

from fabula.documents import Document, Strict
from fabula.nodes.services import Node, Services
from fabula.products import Product

if TYPE_CHECKING:
    from langgraph.graph import StateGraph

CHAIN = 30
FAN = 20


class LoopBrief(Document):
    rounds: int = Field(ge=1, le=1000)


class LoopResult(Document):
    status: str
    rounds: int


class NoFlags(Strict):
    """No mode switches."""


class LoopState(TypedDict, total=False):
    brief: str
    rounds: int
    round: int
    count: int
    seen: Annotated[int, operator.add]
    result: str


def loop_graph(load: Node, save: Node) -> StateGraph[Any, Any, Any, Any]:
    """Chain 30 nodes, then fan out to 20, and go around `rounds` times.

    `load` and `save` are the first and the last node: they alone differ between the two sides.
    """
    from langgraph.graph import END, START, StateGraph
    from langgraph.types import Send

    async def gather(state: LoopState) -> dict[str, Any]:
        return {"count": state["count"]}

    async def step(state: LoopState) -> dict[str, Any]:
        return {"count": state.get("count", 0) + 1}

    async def turn(state: LoopState) -> dict[str, Any]:
        return {"round": state.get("round", 0) + 1}

    async def look(state: Any) -> dict[str, Any]:  # noqa: ARG001 - its payload alone
        return {"seen": 1}

    def spread(state: Any) -> list[Any]:
        return [Send("look", {"number": n, "round": state["round"]}) for n in range(FAN)]

    def again(state: Any) -> str:
        return "save" if state["round"] >= state["rounds"] else "step_1"

    names = [f"step_{n}" for n in range(1, CHAIN + 1)]
    graph: StateGraph[Any, Any, Any, Any] = StateGraph(LoopState)
    graph.add_node("load", load)
    for name in names:
        graph.add_node(name, step)
    graph.add_node("turn", turn)
    graph.add_node("look", look)
    graph.add_node("gather", gather)
    graph.add_node("save", save)
    graph.add_edge(START, "load")
    for before, after in zip(["load", *names], [*names, "turn"], strict=True):
        graph.add_edge(before, after)
    graph.add_conditional_edges("turn", spread, ["look"])
    graph.add_edge("look", "gather")
    graph.add_conditional_edges("gather", again, ["save", "step_1"])
    graph.add_edge("save", END)
    return graph


@dataclass
class Stopwatch:
    """When a graph was driven, from the first step asked for to the end of its stream."""

    began: float = 0.0
    ended: float = 0.0
    tasks: list[tuple[str, bool, float]] = field(default_factory=list)
    """Of a stream of tasks: name, whether it ended, when."""

    @property
    def seconds(self) -> float:
        return self.ended - self.began

    def watch(self, graph: StateGraph[Any, Any, Any, Any]) -> StateGraph[Any, Any, Any, Any]:
        """Time the stream of what this graph is compiled to, what reads it included."""
        compile_ = graph.compile

        def compiled(*args: Any, **kwargs: Any) -> Any:
            made = compile_(*args, **kwargs)
            stream = made.astream

            async def timed(*given: Any, **named: Any) -> AsyncIterator[Any]:
                self.began = time.perf_counter()
                async for chunk in stream(*given, **named):
                    self._see(chunk)
                    yield chunk
                self.ended = time.perf_counter()

            vars(made)["astream"] = timed
            return made

        vars(graph)["compile"] = compiled
        return graph

    def _see(self, chunk: Any) -> None:
        if isinstance(chunk, Mapping) and chunk.get("type") == "tasks":
            data = chunk["data"]
            self.tasks.append((data["name"], "triggers" not in data, time.perf_counter()))


def loop_product(watch: Stopwatch) -> Product:
    """Make the product whose graph is `loop_graph`, timed by `watch`."""

    def build(
        services: Services,
        flags: NoFlags,  # noqa: ARG001 - every product's graph is built with its flags
        *,
        replace: Mapping[str, Node] = MappingProxyType({}),  # noqa: ARG001 - has none to replace
    ) -> StateGraph[Any, Any, Any, Any]:
        async def load(state: LoopState) -> dict[str, Any]:
            brief = await services.documents.get(LoopBrief, state["brief"])
            return {"rounds": brief.rounds, "round": 0, "count": 0}

        async def save(state: LoopState) -> dict[str, Any]:
            result = LoopResult(status="complete", rounds=state["round"])
            return {"result": await services.documents.put(result)}

        return watch.watch(loop_graph(load, save))

    return plain_product("loop", LoopBrief, LoopResult, build)


def plain_product(
    name: str, brief: type[Document], result: type[Document], build: Callable[..., Any]
) -> Product:
    """Make a product of a graph alone."""
    return Product(
        name=name,
        brief=brief,
        result=result,
        flags=NoFlags,
        build=build,
        agents=(),
        limits=lambda _: {},
        recipes=dict,
        fingerprint=lambda given: given.model_dump(mode="json"),
    )
