"""A run's events over a real connection: nothing missed, nothing twice, whatever breaks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import delete, update

from fabula.service.frames import HEARTBEAT
from fabula.service.hub import Hub
from fabula.service.stream import frames
from fabula.settings import Settings
from fabula.store.engine import Fence, Store
from fabula.store.events import Event, append_events, list_events
from fabula.store.tables import events, runs
from tests.service.live import live, parsed, slow_echo

ECHO = {"product": "echo", "brief": {"text": "가을 산책", "count": 2}}


@pytest.fixture
async def web(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with live(app) as client:
        yield client


async def posted(web: httpx.AsyncClient, count: int = 2) -> str:
    body = {**ECHO, "brief": {"text": "가을", "count": count}}
    return str((await web.post("/v1/runs", json=body)).json()["run_id"])


async def followed(
    web: httpx.AsyncClient, run: str, *, most: int | None = None, **given: Any
) -> list[dict[str, Any]]:
    """Follow a stream to its end, or until so many numbered events have come."""
    seen: list[dict[str, Any]] = []
    async with web.stream("GET", f"/v1/runs/{run}/events", **given) as answer:
        assert answer.status_code == 200
        async for one in parsed(answer.aiter_bytes()):
            seen.append(one)
            if most is not None and len(seen) >= most:
                break
    return seen


async def test_every_event_comes_numbered_and_the_end_says_the_status(
    web: httpx.AsyncClient, app: FastAPI
) -> None:
    run = await posted(web)
    seen = await followed(web, run)
    stored = await list_events(app.state.service.store, run)
    assert [one["id"] for one in seen[:-1]] == [str(event.seq) for event in stored]
    assert [one["event"] for one in seen[:-1]] == [event.type for event in stored]
    assert seen[-1]["event"] == "end"
    assert seen[-1]["id"] is None
    assert seen[-1]["data"]["status"] == "succeeded"


async def test_the_headers_tell_proxies_to_pass_everything_on(web: httpx.AsyncClient) -> None:
    run = await posted(web)
    async with web.stream("GET", f"/v1/runs/{run}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["x-accel-buffering"] == "no"


async def test_a_client_that_drops_a_hundred_times_misses_and_repeats_nothing(
    settings: Settings,
) -> None:
    app = slow_echo(settings, latency_s=0.1)
    ids: list[int] = []
    async with live(app) as web:
        run = await posted(web, 120)
        for _ in range(100):
            header = {"Last-Event-ID": str(ids[-1])} if ids else {}
            for one in await followed(web, run, most=2, headers=header):
                assert one["event"] != "gap"
                ids += [int(one["id"])] if one["id"] else []
        standing = (await web.get(f"/v1/runs/{run}")).json()["status"]
        rest = await followed(web, run, headers={"Last-Event-ID": str(ids[-1])})
        ids += [int(one["id"]) for one in rest if one["id"]]
        stored = [event.seq for event in await list_events(app.state.service.store, run)]
    assert ids == stored
    assert standing == "running"


@pytest.mark.parametrize("way", ["query", "header"])
async def test_a_stream_begins_after_any_number(web: httpx.AsyncClient, way: str) -> None:
    run = await posted(web)
    whole = await followed(web, run)
    given: dict[str, Any] = (
        {"params": {"after": 3}} if way == "query" else {"headers": {"Last-Event-ID": "3"}}
    )
    assert await followed(web, run, **given) == whole[3:]


async def test_the_header_of_a_browser_that_comes_again_counts_more_than_its_address(
    web: httpx.AsyncClient,
) -> None:
    run = await posted(web)
    whole = await followed(web, run)
    again = await followed(web, run, params={"after": 1}, headers={"Last-Event-ID": "4"})
    assert again == whole[4:]


async def test_numbers_that_are_gone_are_told_as_a_gap(
    web: httpx.AsyncClient, app: FastAPI
) -> None:
    run = await posted(web)
    whole = await followed(web, run)
    store: Store = app.state.service.store

    async def trim(connection: Any) -> None:
        await connection.execute(delete(events).where(events.c.run == run, events.c.seq <= 4))

    await store.write(trim)
    seen = await followed(web, run, params={"after": 1})
    assert seen[0] == {"id": None, "event": "gap", "data": {"from": 2, "to": 4}}
    assert seen[1:] == whole[4:]


async def test_a_number_that_never_was_is_told_as_a_gap(web: httpx.AsyncClient) -> None:
    run = await posted(web)
    last = int((await followed(web, run))[-2]["id"])
    seen = await followed(web, run, params={"after": last + 7})
    assert [one["event"] for one in seen] == ["gap", "end"]
    assert seen[0]["data"] == {"from": last + 1, "to": last + 7}


async def test_closing_the_stream_does_not_stop_the_run(
    web: httpx.AsyncClient, app: FastAPI
) -> None:
    run = await posted(web, 30)
    await followed(web, run, most=1)
    for _ in range(1000):
        if not app.state.service.hub.watchers:
            break
        await asyncio.sleep(0.01)
    assert app.state.service.hub.watchers == 0
    assert (await followed(web, run))[-1]["data"]["status"] == "succeeded"


async def test_a_run_cancelled_before_its_start_ends_its_stream(web: httpx.AsyncClient) -> None:
    body = {**ECHO, "after_seconds": 100}
    run = (await web.post("/v1/runs", json=body)).json()["run_id"]
    following = asyncio.create_task(followed(web, run))
    await asyncio.sleep(0.1)
    await web.post(f"/v1/runs/{run}/cancel")
    async with asyncio.timeout(10):
        assert (await following)[-1]["data"]["status"] == "cancelled"


class _Elsewhere:
    """A run that another process executes: its events are only in the database."""

    def __init__(self, store: Store, run: str) -> None:
        self.store = store
        self.run = run
        self.last = 0

    async def begin(self) -> None:
        changes = {"status": "running", "worker": "elsewhere", "epoch": 1}
        await self._set(**changes)
        self.last = (await list_events(self.store, self.run))[-1].seq

    async def say(self, count: int) -> None:
        batch = [Event("fact", note={"n": number}) for number in range(count)]
        await append_events(self.store, Fence(self.run, 1), batch, after=self.last)
        self.last += count

    async def end(self) -> None:
        await self._set(status="succeeded", worker=None)

    async def _set(self, **changes: Any) -> None:
        async def write(connection: Any) -> None:
            await connection.execute(update(runs).where(runs.c.id == self.run).values(**changes))

        await self.store.write(write)


async def test_events_of_another_process_come_too(web: httpx.AsyncClient, app: FastAPI) -> None:
    body = {**ECHO, "after_seconds": 100}
    run = (await web.post("/v1/runs", json=body)).json()["run_id"]
    elsewhere = _Elsewhere(app.state.service.store, run)
    await elsewhere.begin()
    following = [asyncio.create_task(followed(web, run)) for _ in range(3)]
    for count in (1, 700, 3):
        await asyncio.sleep(0.3)
        await elsewhere.say(count)
    await elsewhere.end()
    async with asyncio.timeout(20):
        for task in following:
            ids = [int(one["id"]) for one in (await task)[:-1]]
            assert ids == list(range(1, elsewhere.last + 1))


async def test_a_quiet_stream_sends_comments(app: FastAPI, tmp_path: Path) -> None:
    async with live(app) as web:
        body = {**ECHO, "after_seconds": 100}
        run = (await web.post("/v1/runs", json=body)).json()["run_id"]
        service = app.state.service
        stream = frames(service.hub, service.store, run, 0, heartbeat_s=0.05)
        async with asyncio.timeout(10):
            while await anext(stream) != HEARTBEAT:
                pass
        await stream.aclose()


async def test_a_closing_server_ends_its_streams_with_a_comment(app: FastAPI) -> None:
    async with live(app) as web:
        body = {**ECHO, "after_seconds": 100}
        run = (await web.post("/v1/runs", json=body)).json()["run_id"]
        async with web.stream("GET", f"/v1/runs/{run}/events") as answer:
            chunks = answer.aiter_bytes()
            await anext(chunks)
            app.state.service.hub.drain()
            rest = b"".join([chunk async for chunk in chunks])
    assert rest.rstrip().splitlines()[-1].startswith(b": ")
    assert b"event: end" not in rest


async def test_one_question_serves_all_watchers(app: FastAPI) -> None:
    asked: list[object] = []

    class Counting(Store):
        async def read(self, statement: Any, values: Any = None) -> Any:
            asked.append(statement)
            return await super().read(statement, values)

    async with live(app) as web:
        body = {**ECHO, "after_seconds": 100}
        made = [(await web.post("/v1/runs", json=body)).json()["run_id"] for _ in range(20)]
        service = app.state.service
        hub = Hub(Counting(service.store.database, service.store.home), poll_s=0.05)
        hub.start()
        streams = [frames(hub, service.store, run, 0) for run in made]
        for stream in streams:
            await anext(stream)
        async with asyncio.timeout(10):
            for stream in streams:
                await anext(stream)
        asked.clear()
        await asyncio.sleep(0.5)
        assert 1 <= len(asked) <= 11
        for stream in streams:
            await stream.aclose()
        await hub.close()


def test_a_frame_is_one_event_whatever_its_text() -> None:
    from fabula.service.frames import frame_of

    frame = frame_of(Event("fact", note={"text": "한 줄\n\nevent: end\r\n\ud800"}, seq=7))
    lines = frame.decode().split("\n")
    assert lines[:2] == ["id: 7", "event: fact"]
    assert lines[3:] == ["", ""]
    assert json.loads(lines[2].removeprefix("data: "))["note"]["text"].startswith("한 줄\n\n")
