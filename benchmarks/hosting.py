"""A service process to be measured or attacked: `python -m benchmarks.hosting`."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypedDict

from benchmarks.ground import CLEARED, ROOT, WorkerFailed
from benchmarks.hasty import Hasty
from benchmarks.product import plain_product
from fabula.documents import Document
from fabula.nodes.services import Node, Services
from fabula.products import Product

if TYPE_CHECKING:
    from langgraph.graph import StateGraph

KEY = f"fab_bootstrap_{'0123456789abcdef' * 4}"
HEADERS = {"Authorization": f"Bearer {KEY}"}
UNLIMITED = "1000000000"


class TickBrief(Document):
    number: int


class TickResult(Document):
    status: str


class TickState(TypedDict, total=False):
    brief: str
    result: str


def tick_product() -> Product:
    """Make the product that does nothing: one node, one document."""

    def build(
        services: Services,
        flags: object,  # noqa: ARG001 - every product's graph is built with its flags
        *,
        replace: Mapping[str, Node] = MappingProxyType({}),  # noqa: ARG001 - has none to replace
    ) -> StateGraph[Any, Any, Any, Any]:
        from langgraph.graph import END, START, StateGraph

        async def tick(state: TickState) -> dict[str, Any]:  # noqa: ARG001 - it does nothing
            return {"result": await services.documents.put(TickResult(status="complete"))}

        graph: StateGraph[Any, Any, Any, Any] = StateGraph(TickState)
        graph.add_node("tick", tick)
        graph.add_edge(START, "tick")
        graph.add_edge("tick", END)
        return graph

    return plain_product("tick", TickBrief, TickResult, build)


@dataclass(frozen=True)
class Host:
    """A service process: its address, its process id and its folder."""

    url: str
    pid: int
    folder: Path

    def rss_mb(self) -> float:
        """Return the memory that the process has, in MB."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def log(self) -> str:
        """Return what the process has logged."""
        return (self.folder / "log.txt").read_text("utf-8", "replace")


@contextmanager
def hosted(folder: Path, *, hasty: bool = False, **settings: object) -> Iterator[Host]:
    """Serve from a process of its own, with its home in this folder; `KEY` is its API key.

    `settings` are fabula's; a `hasty` one ends every stream and wait within a tenth of a second.
    """
    folder.mkdir(parents=True, exist_ok=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(CLEARED)}
    environment |= {
        "FABULA_HOME": str(folder / "home"),
        "FABULA_BOOTSTRAP_KEY": KEY,
        "FABULA_REQUESTS_PER_MINUTE": UNLIMITED,
        "FABULA_WEBHOOK_SECRET": "a secret of benchmarks",
        "PYTHONPATH": str(ROOT),
        **{f"FABULA_{name.upper()}": str(value) for name, value in settings.items()},
    }
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(  # noqa: S603 - our own service
            [sys.executable, "-m", "benchmarks.hosting", *(["--hasty"] if hasty else [])],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout  # noqa: S101 - it is a pipe
    try:
        host = Host(process.stdout.readline().strip(), process.pid, folder)
        if not host.url:
            raise WorkerFailed(f"the service did not start: {host.log()[-2000:]}")
        yield host
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def main() -> None:
    """Serve on a free port, with the products of the benchmarks, and print the address."""
    from fabula.service import create_app
    from fabula.service.serving import serve
    from fabula.settings import Settings
    from fabula.testing.echo import ECHO

    def ready(address: str, _: bool) -> None:
        sys.stdout.write(f"{address}\n")
        sys.stdout.flush()

    app = create_app(Settings.load(), products={"echo": ECHO, "tick": tick_product()})
    if "--hasty" in sys.argv:
        app.add_middleware(Hasty)
    asyncio.run(serve(app, host="127.0.0.1", port=0, ready=ready))


if __name__ == "__main__":
    main()
