"""One worker of a fleet: a real worker that knows the test products and tells what it recorded.

`python -m benchmarks.crew URL [switched] [hasty]`, the model server's. Settings come from the
environment. It writes `ready` when it is at work, and ends in order on SIGTERM. `switched`: its
claims are fair or first-in-first-out as the database says (see `benchmarks.fifo`). `hasty`: a run
rests seconds where it would rest minutes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypedDict

import httpx

from benchmarks.fifo import switched_claim
from fabula.documents import Document, Strict
from fabula.nodes.services import Services
from fabula.products import Product
from fabula.runs import ends
from fabula.settings import Settings
from fabula.store.claims import claim_run
from fabula.testing.echo import ECHO
from fabula.testing.parts import SAGA
from fabula.worker import Worker


class PoisonBrief(Document):
    text: str


class PoisonFlags(Strict):
    """No mode switches."""


class PoisonState(TypedDict, total=False):
    brief: str
    result: str


def poisoned(
    services: Services,  # noqa: ARG001 - it asks for nothing
    flags: PoisonFlags,  # noqa: ARG001
    *,
    replace: Mapping[str, Any] = MappingProxyType({}),  # noqa: ARG001
) -> Any:
    """Build a graph that ends its process."""
    from langgraph.graph import END, START, StateGraph

    async def die(state: PoisonState) -> PoisonState:
        os.kill(os.getpid(), signal.SIGKILL)
        return state

    graph: StateGraph[Any, Any, Any, Any] = StateGraph(PoisonState)
    graph.add_node("die", die)
    graph.add_edge(START, "die")
    graph.add_edge("die", END)
    return graph


POISON = Product(
    name="poison",
    brief=PoisonBrief,
    result=PoisonBrief,
    flags=PoisonFlags,
    build=poisoned,
    agents=(),
    limits=lambda _: {},
    recipes=dict,
    fingerprint=lambda brief: brief.model_dump(mode="json"),
)
PRODUCTS = {"echo": ECHO, "saga": SAGA, "poison": POISON}


async def work(server: str, *, switched: bool = False) -> None:
    """Work until SIGTERM."""
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ending.set)
    async with httpx.AsyncClient(base_url=server, timeout=10) as client:

        async def acknowledge(point: str, known: Mapping[str, str]) -> None:
            if point != "after_record":
                return
            # A call is out of flight from here on, so a kill now must cost nothing. The server may
            # be away, which is one of the faults: then the call counts as in flight, no more.
            with contextlib.suppress(httpx.HTTPError):
                told = {"model_version": known["model_version"]}
                await client.post("/fabula/recorded", json=told)

        claim = switched_claim if switched else claim_run
        worker = Worker(Settings.load(), products=PRODUCTS, hook=acknowledge, claim=claim)
        async with worker.at_work():
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            await ending.wait()
        logging.getLogger("fabula").info("worker drained")


if __name__ == "__main__":
    logging.basicConfig(format="%(asctime)s level=%(levelname)s logger=%(name)s %(message)s")
    logging.getLogger("fabula").setLevel(logging.INFO)
    if "hasty" in sys.argv[2:]:
        ends.FIRST_WAIT_S = 2.0
    asyncio.run(work(sys.argv[1], switched="switched" in sys.argv[2:]))
