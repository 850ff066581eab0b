"""What fabula adds: to a node without a call, and to a call whose provider takes no time."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import Field

from benchmarks.product import (
    LoopState,
    Stopwatch,
    loop_graph,
    loop_product,
    plain_product,
)
from fabula.documents import Document, Strict
from fabula.gateway.agent import Agent
from fabula.gateway.provider import ChatAnswer, ChatRequest, OnToken
from fabula.nodes.services import Node, Services
from fabula.runs import Runner
from fabula.settings import Settings
from fabula.testing.echo import PROMPTS

if TYPE_CHECKING:
    from langgraph.graph import StateGraph

PRICES = 'offline:\n  "*": {input: 1, output: 1}\n'
BUDGET_USD = 1000.0


def fsync_ms(folder: Path, times: int = 200) -> float:
    """Return the median time of writing and syncing 4 kB in this folder, in milliseconds."""
    took = []
    descriptor = os.open(folder / "fsync.bin", os.O_CREAT | os.O_WRONLY)
    try:
        for number in range(times):
            began = time.perf_counter()
            os.pwrite(descriptor, b"\0" * 4096, number * 4096)
            os.fsync(descriptor)
            took.append(time.perf_counter() - began)
    finally:
        os.close(descriptor)
    return median(took) * 1000


class NodeOverhead(NamedTuple):
    """The median `ratio` of neighbours, and median times of one drive, in milliseconds."""

    ratio: float
    bare_ms: float
    fabula_ms: float
    run_start_ms: float
    run_end_ms: float


async def node_overhead(folder: Path, *, rounds: int = 4, times: int = 7) -> NodeOverhead:
    """Drive the same graph bare and through a run, in turn, and compare the neighbours.

    Each drive is timed from the first step asked for to the end of the stream: supersteps and
    their checkpoints on both sides; on fabula's also its events, their rows and the lease's
    renewals. A run's start (its row, the files opened, the graph built) and its end (report,
    last events, the row's end) are given apart.
    """
    watch = Stopwatch()
    settings = Settings(home=folder / "fabula")
    runner = Runner(settings, products={"loop": loop_product(watch)})
    bare, ours, starts, ends = [], [], [], []
    for number in range(times + 1):
        bare_s = await _bare(folder / f"bare-{number}.db", rounds)
        began = time.perf_counter()
        result = await runner.run("loop", {"rounds": rounds}, run_id=f"run-{number}")
        ended = time.perf_counter()
        if not result.succeeded:
            raise RuntimeError(f"the run ended {result.status}: {result.message}")
        if number == 0:
            continue  # imports and empty caches
        bare.append(bare_s * 1000)
        ours.append(watch.seconds * 1000)
        starts.append((watch.began - began) * 1000)
        ends.append((ended - watch.ended) * 1000)
    ratio = median(one / other for one, other in zip(ours, bare, strict=True))
    return NodeOverhead(ratio, median(bare), median(ours), median(starts), median(ends))


async def _bare(path: Path, rounds: int) -> float:
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    async def load(state: LoopState) -> dict[str, Any]:  # noqa: ARG001 - fabula's reads its brief
        return {"rounds": rounds, "round": 0, "count": 0}

    async def save(state: LoopState) -> dict[str, Any]:
        return {"result": str(state["round"])}

    async with AsyncSqliteSaver.from_conn_string(str(path)) as saver:
        await saver.setup()
        graph = loop_graph(load, save).compile(checkpointer=saver)
        config: Any = {"configurable": {"thread_id": "bare"}, "recursion_limit": 10_000}
        began = time.perf_counter()
        await graph.ainvoke({"brief": "bare"}, config, durability="sync")
        return time.perf_counter() - began


class AskBrief(Document):
    times: int = Field(ge=1, le=100_000)


class AskAnswer(Strict):
    text: str


class AskResult(Document):
    status: str
    texts: int


ASK = Agent("bench.ask", str(PROMPTS / "echo_write"), AskAnswer)


class Instant:
    """A provider that answers at once."""

    async def complete(self, request: ChatRequest, on_token: OnToken | None = None) -> ChatAnswer:  # noqa: ARG002 - the port's
        return ChatAnswer('{"text": "글"}', "stop", 40, 4, "instant")


class CallOverhead(NamedTuple):
    """The median call through the gateway and bare, in milliseconds."""

    ours_ms: float
    bare_ms: float

    @property
    def added_ms(self) -> float:
        return self.ours_ms - self.bare_ms


async def call_overhead(folder: Path, *, times: int = 300) -> CallOverhead:
    """Time calls one after another within a run that has a budget to keep.

    Each is rendered, looked up, claimed with its price reserved, asked, recorded and parsed.
    """
    took: list[float] = []

    def build(
        services: Services,
        flags: object,  # noqa: ARG001 - every product's graph is built with its flags
        *,
        replace: Mapping[str, Node] = MappingProxyType({}),  # noqa: ARG001 - has none to replace
    ) -> StateGraph[Any, Any, Any, Any]:
        from langgraph.graph import END, START, StateGraph

        async def ask(state: LoopState) -> dict[str, Any]:  # noqa: ARG001 - a node's parameter
            for number in range(times):
                item = f"ask/{number}"
                began = time.perf_counter()
                await services.agents.call(ASK, {"item": item, "text": "가을"}, item=item)
                took.append(time.perf_counter() - began)
            result = AskResult(status="complete", texts=times)
            return {"result": await services.documents.put(result)}

        graph = StateGraph(LoopState)
        graph.add_node("ask", ask)
        graph.add_edge(START, "ask")
        graph.add_edge("ask", END)
        return graph

    config = folder / "config"
    await asyncio.to_thread(_write_prices, config)
    provider = Instant()
    runner = Runner(
        Settings(home=folder / "calls", config_dir=config),
        products={"ask": plain_product("ask", AskBrief, AskResult, build)},
        providers={"offline": provider},
    )
    result = await runner.run("ask", {"times": times}, budget=BUDGET_USD)
    if not result.succeeded or result.calls != times:
        raise RuntimeError(f"the run ended {result.status} after {result.calls} calls")
    return CallOverhead(median(took) * 1000, await _bare_call_ms(provider, times))


async def _bare_call_ms(provider: Instant, times: int) -> float:
    request = ChatRequest(
        agent="bench.ask",
        item="ask",
        attempt=0,
        model="instant",
        messages=(),
        schema={},
        schema_name="bench_ask",
        seed=0,
        max_output_tokens=100,
        temperature=None,
    )
    took = []
    for _ in range(times):
        began = time.perf_counter()
        await provider.complete(request)
        took.append(time.perf_counter() - began)
    return median(took) * 1000


def _write_prices(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "prices.yaml").write_text(PRICES, "utf-8")
