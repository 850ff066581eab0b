"""Fifty clients that ask for runs and look at them: requests a second, and how long each took."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from benchmarks.hosting import KEY

CLIENTS = 50


class Refused(Exception):
    """The service did not answer as it should."""


class Connection:
    """One kept connection: as little client as there can be, since it shares the processor."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._head = f"Host: {parts.netloc}\r\nAuthorization: Bearer {KEY}\r\n"

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()

    async def ask(self, method: str, path: str, body: object = None, *, status: int) -> bytes:
        """Return the answer's body; Refused where its status is another."""
        sent = json.dumps(body).encode() if body is not None else b""
        kind = "Content-Type: application/json\r\n" if body is not None else ""
        head = f"{method} {path} HTTP/1.1\r\n{self._head}{kind}Content-Length: {len(sent)}\r\n\r\n"
        self._writer.write(head.encode() + sent)
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        got = await self._reader.readexactly(int(fields["content-length"]))
        if int(lines[0].split()[1]) != status:
            raise Refused(f"{method} {path}: {lines[0]} {got[:300]!r}")
        return got


@dataclass
class Load:
    """How long requests took, in seconds, and all of them together."""

    creates: list[float] = field(default_factory=list)
    gets: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def per_s(self) -> float:
        """Requests a second, of both kinds together."""
        return (len(self.creates) + len(self.gets)) / self.seconds

    def ms(self, share: float) -> float:
        """Return the time within which this share of the requests was answered."""
        return percentile_ms([*self.creates, *self.gets], share)


def percentile_ms(took: Sequence[float], share: float) -> float:
    """Return the time within which this share lies, in milliseconds."""
    ordered = sorted(took)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000


async def create_and_get(url: str, *, runs: int, clients: int = CLIENTS) -> Load:
    """Ask for so many runs of the product `tick`, and look at each, from so many clients."""
    load = Load()

    async def look(connection: Connection, number: int) -> None:
        began = time.perf_counter()
        made = await connection.ask("POST", "/v1/runs", _asked(number), status=202)
        created = time.perf_counter()
        run = json.loads(made)["run_id"]
        await connection.ask("GET", f"/v1/runs/{run}", status=200)
        load.creates.append(created - began)
        load.gets.append(time.perf_counter() - created)

    load.seconds = await _together(url, look, runs=runs, clients=clients)
    return load


async def executed(url: str, *, runs: int, at_once: int = 8) -> float:
    """Ask for so many runs, each waited for to its end; return the seconds of all together."""

    async def wait(connection: Connection, number: int) -> None:
        made = json.loads(await connection.ask("POST", "/v1/runs", _asked(number), status=202))
        path = f"/v1/runs/{made['run_id']}?wait=60"
        seen = json.loads(await connection.ask("GET", path, status=200))
        if seen["status"] != "succeeded":
            raise Refused(f"the run ended as {seen['status']}: {seen['message']}")

    return await _together(url, wait, runs=runs, clients=at_once)


def _asked(number: int) -> dict[str, Any]:
    return {"product": "tick", "brief": {"number": number}}


async def _together(
    url: str, work: Callable[[Connection, int], Awaitable[None]], *, runs: int, clients: int
) -> float:
    """Let so many clients, each on a connection of its own, do the runs; return the seconds."""
    numbers = iter(range(runs))

    async def client() -> None:
        connection = Connection(url)
        await connection.open()
        try:
            for number in numbers:
                await work(connection, number)
        finally:
            await connection.close()

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(client())
    return time.perf_counter() - began
