"""Worker processes on a real Redis and PostgreSQL, with a model server that bills them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.crew import PRODUCTS
from benchmarks.ground import CLEARED, ROOT, echo_answer
from benchmarks.watch import AGAIN_S, PATIENCE_S, Watch
from fabula.errors import StoreUnavailable
from fabula.runs.queue.queueing import RunQueue
from fabula.runs.queue.ringing import open_bell
from fabula.settings import Settings
from fabula.store.engine import Store
from fabula.testing.bill import Call
from fabula.testing.faults import Script
from fabula.testing.loopback import LoopbackServer
from fabula.testing.servers import PostgresServer, RedisServer

SETTLE_S = 0.3
"""What a worker sent before it died may be on its way in for as long, on a busy machine."""
ACTIVE = ("queued", "running")


@dataclass(frozen=True)
class Shape:
    """How a fleet is set up."""

    workers: int = 3
    slots: int = 10
    lease_s: float = 3.0
    latency_ms: float = 100.0
    settings: Mapping[str, str] = field(default_factory=dict)
    """Further variables of its workers' environment, without `FABULA_`."""
    hasty: bool = False
    """A run that waits for a provider, or for room, rests two seconds at first, not a minute."""
    switched: bool = False
    """Its claims are fair or first-in-first-out, as the database says (see `benchmarks.fifo`)."""


@dataclass
class Member:
    """One worker's place; `process` is who has it now."""

    number: int
    process: subprocess.Popen[str] | None = None
    ready_at: float = 0.0

    @property
    def name(self) -> str:
        """What the worker's rows call it."""
        assert self.process  # noqa: S101 - misuse in a scenario
        return f"{socket.gethostname()}:{self.process.pid}"

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


@dataclass(frozen=True)
class Loss:
    """What a kill hit: the runs that the worker held with their epochs, and calls in flight."""

    at: float
    held: Mapping[str, int]
    in_flight: int


class Fleet:
    """Workers, what they work on, and what happened to them."""

    def __init__(
        self,
        folder: Path,
        shape: Shape,
        server: LoopbackServer,
        *,
        database: str,
        redis: RedisServer,
    ) -> None:
        self.folder = folder
        self.shape = shape
        self.server = server
        self.redis = redis
        self.watch = Watch(database)
        self.members = [Member(number) for number in range(1, shape.workers + 1)]
        self.losses: list[Loss] = []
        self.allowed = 0
        self.texts: dict[str, str] = {}
        self.home = folder / "home"
        self.settings = Settings(
            home=self.home,
            database_url=database,
            redis_url=redis.url,
            profile="local",
            local_base_url=server.base_url,
            local_model="loopback",
            lease_s=shape.lease_s,
        )
        self.store: Store
        self.queue: RunQueue

    async def start(self, member: Member) -> None:
        """Start a worker in this place and wait until it says that it is at work."""
        plain = {
            "HOME": self.home,
            "DATABASE_URL": self.settings.database_url,
            "REDIS_URL": self.redis.url,
            "PROFILE": "local",
            "LOCAL_BASE_URL": self.server.base_url,
            "LOCAL_MODEL": "loopback",
            "LEASE_S": f"{self.shape.lease_s:g}",
            "BATCH_SLOTS": self.shape.slots,
            **self.shape.settings,
        }
        environment = {k: v for k, v in os.environ.items() if not k.startswith(CLEARED)}
        environment |= {f"FABULA_{name}": str(value) for name, value in plain.items()}
        environment["PYTHONPATH"] = str(ROOT)
        log = self.folder / f"worker-{member.number}.log"
        words = [name for name in ("switched", "hasty") if getattr(self.shape, name)]
        given = [self.server.url, *words]
        member.process = await asyncio.to_thread(_launch, given, environment, log)
        assert member.process.stdout  # noqa: S101 - a pipe was asked for
        told = await asyncio.to_thread(member.process.stdout.readline)
        member.process.stdout.close()
        if told != "ready\n":
            raise RuntimeError(f"worker {member.number} did not start: {self.log(member)[-2000:]}")
        member.ready_at = time.monotonic()

    def log(self, member: Member) -> str:
        """Return what the workers in this place have logged."""
        return (self.folder / f"worker-{member.number}.log").read_text(errors="replace")

    async def kill(self, member: Member) -> Loss:
        """End a worker with SIGKILL and note what that hit."""
        assert member.process  # noqa: S101 - misuse in a scenario
        at = time.time()
        member.process.kill()
        await asyncio.to_thread(member.process.wait)
        return await self.struck(member, at)

    async def struck(self, member: Member, at: float) -> Loss:
        """Note what a worker, which does nothing any more, held and had in flight."""
        held = await asyncio.to_thread(self.watch.held, member.name)
        loss = Loss(at, held, await self._lost_calls(held))
        self.losses.append(loss)
        return loss

    async def end(self, member: Member, *, within_s: float = 60.0) -> int:
        """Ask a worker to end in order; return its exit code."""
        assert member.process  # noqa: S101 - misuse in a scenario
        member.process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(member.process.wait, within_s)

    async def submit(self, product: str, brief: Mapping[str, Any], **options: Any) -> str:
        """Ask for a run, again and again while the database is away; its text must be its own."""
        text, until = str(brief["text"]), time.monotonic() + PATIENCE_S
        asked = {"idempotency_key": text, "request": dict(brief), **options}
        while True:
            try:
                run, _ = await self.queue.submit(product, brief, **asked)
            except StoreUnavailable:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(AGAIN_S)
            else:
                self.texts[run] = text
                return run

    async def rest(self, runs: Iterable[str], *, within_s: float) -> dict[str, str]:
        """Wait until none of the runs is active; return their statuses, whatever they are."""
        wanted, until = list(runs), time.monotonic() + within_s
        while True:
            found = await asyncio.to_thread(self._standing, wanted)
            if time.monotonic() > until or not {*found.values()} & {*ACTIVE}:
                return found
            await asyncio.sleep(0.1)

    def status(self, run: str) -> str:
        """Return how a run stands."""
        return self._standing([run])[run]

    def in_flight(self) -> list[Call]:
        """Return the paid calls whose answers no worker has recorded."""
        return [
            call
            for call in self.server.calls
            if call.paid and call.recorded_at is None and not call.lost
        ]

    @property
    def flown(self) -> int:
        """How many calls all faults together may have lost."""
        return self.allowed + sum(loss.in_flight for loss in self.losses)

    def allow(self, calls: int) -> None:
        """Count calls as in flight at a fault that ended no worker."""
        self.allowed += calls

    async def _lost_calls(self, held: Iterable[str]) -> int:
        await asyncio.sleep(SETTLE_S)
        texts = [self.texts[run] for run in held]
        lost = 0
        for call in self.in_flight():
            body = json.dumps(call.body, ensure_ascii=False)
            if any(text in body for text in texts):
                call.lost = True
                lost += 1
        return lost

    def _standing(self, runs: list[str]) -> dict[str, str]:
        rows = self.watch.rows("SELECT id, status FROM runs WHERE id = ANY(%s)", runs)
        return {str(run): str(status) for run, status in rows}


@asynccontextmanager
async def fleet(
    folder: Path, shape: Shape, *, postgres: PostgresServer, redis: RedisServer, name: str
) -> AsyncIterator[Fleet]:
    """Start a fleet on a database of its own; whatever still runs at the end is killed."""
    await asyncio.to_thread(folder.mkdir, parents=True)
    database = postgres.create_database(f"fleet_{name}")
    script = Script(latency_ms=shape.latency_ms)
    with LoopbackServer(script=script, answer=echo_answer) as server:
        made = Fleet(folder, shape, server, database=database, redis=redis)
        made.store = await Store.open(made.settings)
        try:
            made.watch.start()
            async with open_bell(made.settings) as bell:
                made.queue = RunQueue(made.settings, made.store, bell, products=PRODUCTS)
                await asyncio.gather(*(made.start(member) for member in made.members))
                yield made
        finally:
            for member in made.members:
                _end(member)
            await made.store.close()


def _launch(given: list[str], environment: Mapping[str, str], log: Path) -> subprocess.Popen[str]:
    with log.open("ab") as stderr:
        return subprocess.Popen(  # noqa: S603 - our own worker
            [sys.executable, "-m", "benchmarks.crew", *given],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )


def _end(member: Member) -> None:
    if member.process:
        member.process.kill()
        member.process.wait()
