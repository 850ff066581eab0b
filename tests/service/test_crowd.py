"""A thousand clients that follow runs of one process at once."""

from __future__ import annotations

import asyncio
import re
import resource
from collections.abc import Iterator

import pytest

from fabula.settings import Settings
from fabula.store.events import list_events
from tests.service.live import live, posted, slow_echo

CLIENTS = 1000
RUNS = 20
FILES = 2 * CLIENTS + 200
ID = re.compile(rb"^id: (\d+)$", re.MULTILINE)


@pytest.fixture
def many_files() -> Iterator[None]:
    """Let this process hold both ends of each connection."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] != resource.RLIM_INFINITY and before[1] < FILES:
        pytest.skip(f"no more than {before[1]} files can be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], FILES), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def followed(port: int, run: str) -> list[int]:
    """Follow a run to its end over a plain socket; return the numbers that came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        request = f"GET /v1/runs/{run}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        writer.write(request.encode())
        await writer.drain()
        whole = b""
        while b"event: end" not in whole:
            chunk = await reader.read(65_536)
            assert chunk, whole[-200:]
            whole += chunk
        return [int(number) for number in ID.findall(whole)]
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.usefixtures("many_files")
async def test_a_thousand_clients_see_every_event_once(settings: Settings) -> None:
    many = settings.model_copy(update={"batch_slots": RUNS})
    app = slow_echo(many, latency_s=0.2)
    async with live(app) as web:
        port, hub = web.base_url.port, app.state.service.hub
        assert port
        body = {"brief": {"text": "가을", "count": 9}, "after_seconds": 1000}
        runs = [await posted(web, **body) for _ in range(RUNS)]
        following = [
            asyncio.create_task(followed(port, runs[number % RUNS])) for number in range(CLIENTS)
        ]
        for _ in range(1000):
            if hub.watchers == CLIENTS:
                break
            await asyncio.sleep(0.05)
        assert hub.watchers == CLIENTS
        for run in runs:
            # Due at once, now that everybody is there.
            assert (await web.post(f"/v1/runs/{run}/resume")).status_code == 202
        numbers = await asyncio.gather(*following)
        stored = {
            run: [event.seq for event in await list_events(app.state.service.store, run)]
            for run in runs
        }
    for number, seen in enumerate(numbers):
        assert seen == stored[runs[number % RUNS]]
