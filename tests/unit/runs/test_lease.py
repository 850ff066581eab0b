from __future__ import annotations

import asyncio
import queue
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from fabula.documents import Document
from fabula.runs.lease import Lease, Signal
from fabula.settings import Settings
from fabula.store.engine import Fence, Store
from fabula.store.runs import NewRun, insert_run, lease_left, take_run, want_cancel
from fabula.store.tables import runs
from fabula.testing.servers import PostgresServer

NEW = NewRun(
    id="r1",
    project="p",
    product="magazine",
    door="library",
    flags={},
    replaced=(),
    profile="offline",
    out="out",
    budget=None,
    timeout_s=None,
)


class Note(Document):
    text: str


@pytest.fixture
def settings(tmp_path: Path, database_url: str | None) -> Settings:
    return Settings(home=tmp_path, database_url=database_url, lease_s=0.6)


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[Store]:
    opened = await Store.open(settings)
    yield opened
    await opened.close()


async def begin(store: Store, settings: Settings, told: queue.Queue[Signal]) -> Lease:
    epoch = await insert_run(store, NEW, Note(text="brief"), "me", settings.lease_s)
    lease = Lease(settings.store_url, Fence("r1", epoch), settings.lease_s, told.put)
    lease.start()
    return lease


async def test_a_lease_is_renewed_while_the_loop_stands_still(
    store: Store, settings: Settings
) -> None:
    told: queue.Queue[Signal] = queue.Queue()
    lease = await begin(store, settings, told)
    try:
        lease._stopped.wait(settings.lease_s * 3)
        assert await lease_left(store, "r1") > 0
        assert await take_run(store, "r1", worker="you", lease_s=3) is None
    finally:
        await asyncio.to_thread(lease.stop)
    assert told.empty()


async def test_a_wish_to_cancel_and_a_takeover_are_told(store: Store, settings: Settings) -> None:
    told: queue.Queue[Signal] = queue.Queue()
    lease = await begin(store, settings, told)
    try:
        await want_cancel(store, "r1")
        assert await asyncio.to_thread(told.get, timeout=10) == "cancelled"

        async def take(connection: AsyncConnection) -> None:
            await connection.execute(update(runs).values(epoch=2, cancel_wanted=False))

        await store.write(take)
        while (signal := await asyncio.to_thread(told.get, timeout=10)) == "cancelled":
            pass
        assert signal == "lease_lost"
    finally:
        await asyncio.to_thread(lease.stop)


@pytest.mark.parametrize("crash", [False, True])
async def test_a_lease_outlives_a_restart_of_the_server(tmp_path: Path, crash: bool) -> None:
    with PostgresServer() as server:
        url = server.create_database("d")
        settings = Settings(home=tmp_path, database_url=url, lease_s=6)
        store = await Store.open(settings)
        told: queue.Queue[Signal] = queue.Queue()
        lease = await begin(store, settings, told)
        try:
            await asyncio.to_thread(server.kill if crash else server.stop)
            await asyncio.to_thread(server.start)
            left = await lease_left(store, "r1")
            async with asyncio.timeout(20):
                while await lease_left(store, "r1") <= left:  # noqa: ASYNC110 - a row
                    await asyncio.sleep(0.05)
        finally:
            await asyncio.to_thread(lease.stop)
        assert told.empty()
        await store.close()
