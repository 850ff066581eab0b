"""The ground that a kill is tried on: a home, a loopback server, and processes at work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.worker import Order
from fabula.documents import content_hash
from fabula.gateway.provider import ChatRequest
from fabula.testing.answers import offline_answer
from fabula.testing.endpoint import Answer
from fabula.testing.faults import Script
from fabula.testing.loopback import LoopbackServer

ROOT = Path(__file__).parents[1]
CLEARED = ("FABULA_", "OPENAI_", "GOOGLE_", "GEMINI_", "MAGAZINE_")
GIVE_UP_S = 120.0


class WorkerFailed(Exception):
    """A worker ended otherwise than it was told to."""


@dataclass(frozen=True)
class Task:
    """A run to be tried: product, brief and flags, and how slow its provider is."""

    product: str
    brief: str | Mapping[str, Any]
    flags: Mapping[str, Any]
    latency_ms: float = 30.0
    lease_s: float = 0.5
    answer: Answer = offline_answer


def echo_answer(request: ChatRequest) -> object:
    """Answer the echo product: like every answer here, a function of the request's body alone."""
    said = content_hash([message.content for message in request.messages])[:12]
    return {"title": "가을"} if request.schema_name == "echo_plan" else {"text": f"글 {said}"}


def echo_task(count: int, *, writers: int = 3, latency_ms: float = 30.0) -> Task:
    """Make the three-step run of `count` items, one call more than that."""
    brief = {"text": "가을 산책", "count": count}
    return Task("echo", brief, {"writers": writers}, latency_ms=latency_ms, answer=echo_answer)


class Ground:
    """One run of a task in a home of its own, with a server that bills it."""

    def __init__(self, task: Task, folder: Path, server: LoopbackServer) -> None:
        self.home = folder / "home"
        self.out = folder / "out"
        self.server = server
        self._errors = folder / "stderr.txt"
        self._task = task
        self.order = Order(
            server=server.url,
            run_id="run",
            product=task.product,
            brief=task.brief,
            flags=task.flags,
            out=str(self.out),
        )

    def start(self, **changes: Any) -> subprocess.Popen[str]:
        """Start a worker; `changes` are fields of its order."""
        order = replace(self.order, **changes)
        environment = {k: v for k, v in os.environ.items() if not k.startswith(CLEARED)}
        environment |= {
            "FABULA_HOME": str(self.home),
            "FABULA_PROFILE": "local",
            "FABULA_LOCAL_BASE_URL": self.server.base_url,
            "FABULA_LOCAL_MODEL": "loopback",
            "FABULA_LEASE_S": f"{self._task.lease_s:g}",
            "PYTHONPATH": str(ROOT),
        }
        with self._errors.open("a") as errors:
            return subprocess.Popen(  # noqa: S603 - our own worker
                [sys.executable, "-m", "benchmarks.worker", order.as_text()],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def finish(self, **changes: Any) -> dict[str, Any]:
        """Run a worker to its end and return what it printed."""
        return self.outcome(self.start(**changes))

    def outcome(self, worker: subprocess.Popen[str]) -> dict[str, Any]:
        """Wait for a worker's end and return what it printed."""
        try:
            printed, _ = worker.communicate(timeout=GIVE_UP_S)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.communicate()
            raise WorkerFailed(f"no end within {GIVE_UP_S:g} s; see {self._errors}") from None
        if worker.returncode:
            told = self._errors.read_text("utf-8")[-2000:]
            raise WorkerFailed(f"exit {worker.returncode}: {told}")
        outcome: dict[str, Any] = json.loads(printed)
        return outcome

    def wait_for_call(self, worker: subprocess.Popen[str], number: int = 1) -> None:
        """Wait until so many more calls have arrived than had when this was called."""
        wanted = len(self.server.calls) + number
        ends = time.monotonic() + GIVE_UP_S
        while len(self.server.calls) < wanted and worker.poll() is None:
            if time.monotonic() > ends:
                worker.kill()
                raise WorkerFailed(f"no call within {GIVE_UP_S:g} s")
            time.sleep(0.002)

    def published(self) -> dict[str, bytes]:
        """Return the published files but `run.json`, which alone holds times and ids."""
        files = sorted(path for path in self.out.rglob("*") if path.is_file())
        named = {path.relative_to(self.out).as_posix(): path for path in files}
        return {name: path.read_bytes() for name, path in named.items() if name != "run.json"}

    def paid(self) -> Counter[str]:
        """Count the paid calls of each question, as the provider's bill has them."""
        return Counter(call.body_hash for call in self.server.calls if call.paid)


def was_killed(worker: subprocess.Popen[str]) -> bool:
    """Wait for the worker's end; say whether SIGKILL brought it."""
    worker.communicate(timeout=GIVE_UP_S)
    return worker.returncode == -signal.SIGKILL


@contextmanager
def prepared(task: Task, folder: Path) -> Iterator[Ground]:
    """Make the ground for one run in an empty folder."""
    folder.mkdir(parents=True)
    script = Script(latency_ms=task.latency_ms)
    with LoopbackServer(script=script, answer=task.answer) as server:
        yield Ground(task, folder, server)
