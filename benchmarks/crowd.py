"""A thousand clients that follow one live run of one service process."""

from __future__ import annotations

import asyncio
import json
import re
import resource
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from benchmarks.hosting import KEY, Host
from benchmarks.load import Connection

CLIENTS = 1000
SPARE_FILES = 300
ITEMS = 60
PATIENCE_S = 120
_ID = re.compile(rb"^id: (\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Crowd:
    """What the clients saw of the run; `behind_s` is from its end until the last one knew."""

    clients: int
    events: int
    missed: int
    repeated: int
    behind_s: float
    rss_mb: float


def allow_files(clients: int) -> None:
    """Let this process, and those that it starts, hold so many connections."""
    wanted = clients + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))


async def followed_by(host: Host, *, clients: int = CLIENTS, items: int = ITEMS) -> Crowd:
    """Start a run once everybody follows it; compare what each saw with what is stored."""
    connection = Connection(host.url)
    await connection.open()
    brief = {"text": "가을 산책", "count": items}
    asked = {"product": "echo", "brief": brief, "after_seconds": 3600}
    made = await connection.ask("POST", "/v1/runs", asked, status=202)
    run = str(json.loads(made)["run_id"])
    opened = asyncio.Semaphore(100)
    there = [asyncio.Event() for _ in range(clients)]
    following = [asyncio.create_task(_follow(host.url, run, one, opened)) for one in there]
    try:
        async with asyncio.timeout(PATIENCE_S):
            for one in there:
                await one.wait()
            await connection.ask("POST", f"/v1/runs/{run}/resume", {}, status=202)
            done = asyncio.gather(*following)
            ended = await _ended(connection, run)
            seen = await done
            behind = time.perf_counter() - ended
        truth = await _follow(host.url, run, asyncio.Event(), opened)
    finally:
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        await connection.close()
    return Crowd(
        clients=clients,
        events=len(truth),
        missed=sum(len(set(truth) - set(one)) for one in seen),
        repeated=sum(len(one) - len(set(one)) for one in seen),
        behind_s=max(behind, 0.0),
        rss_mb=host.rss_mb(),
    )


async def _ended(connection: Connection, run: str) -> float:
    while True:
        answer = await connection.ask("GET", f"/v1/runs/{run}?wait=60", status=200)
        if json.loads(answer)["status"] not in ("queued", "running"):
            return time.perf_counter()


async def _follow(url: str, run: str, there: asyncio.Event, opened: asyncio.Semaphore) -> list[int]:
    """Follow a run to its end; return the numbers of its events as they came."""
    parts = urlsplit(url)
    async with opened:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        head = f"GET /v1/runs/{run}/events HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        writer.write(f"{head}Authorization: Bearer {KEY}\r\n\r\n".encode())
        whole = await reader.readuntil(b"event: run.queued")
    there.set()
    try:
        while b"event: end" not in whole[-4096:]:
            piece = await reader.read(65_536)
            if not piece:
                break
            whole += piece
    finally:
        writer.close()
    return [int(number) for number in _ID.findall(whole)]
