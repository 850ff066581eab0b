from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from sqlalchemy import text

from fabula.gateway.faults import FaultPoint
from fabula.runs.checkpoints import open_saver
from fabula.settings import Settings
from fabula.store.engine import Store
from fabula.store.postgres import PostgresDatabase
from fabula.testing.servers import PostgresServer


@pytest.fixture
async def store(tmp_path: Path, database_url: str | None) -> AsyncIterator[Store]:
    opened = await Store.open(Settings(home=tmp_path, database_url=database_url))
    yield opened
    await opened.close()


def thread(name: str) -> Any:
    return {"configurable": {"thread_id": name, "checkpoint_ns": ""}}


async def put(saver: Any, name: str) -> Any:
    return await saver.aput(thread(name), empty_checkpoint(), {"step": 1}, {})


async def test_a_checkpoint_is_found_by_its_own_thread_until_it_is_deleted(store: Store) -> None:
    async with open_saver(store) as saver:
        await put(saver, "r1:1")
        assert await saver.aget_tuple(thread("r2:1")) is None
    async with open_saver(store) as saver:
        assert await saver.aget_tuple(thread("r1:1")) is not None
        await saver.adelete_thread("r1:1")
        assert await saver.aget_tuple(thread("r1:1")) is None


async def test_the_hook_is_told_of_each_stored_checkpoint(store: Store) -> None:
    told: list[tuple[FaultPoint, str]] = []

    async def hook(point: FaultPoint, known: Mapping[str, str]) -> None:
        told.append((point, known["thread_id"]))

    async with open_saver(store, hook) as saver:
        await put(saver, "r1:1")
    assert told == [("after_checkpoint", "r1:1")]


async def test_a_write_whose_caller_is_cancelled_is_stored_before_the_saver_closes(
    store: Store,
) -> None:
    async with open_saver(store) as saver:
        writing = asyncio.create_task(put(saver, "r1:1"))
        await asyncio.sleep(0)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
    async with open_saver(store) as saver:
        assert await saver.aget_tuple(thread("r1:1")) is not None


async def test_processes_that_start_at_once_make_the_tables_once(
    tmp_path: Path, bare_postgres_url: str
) -> None:
    settings = Settings(home=tmp_path, database_url=bare_postgres_url)

    async def start(number: int) -> None:
        store = await Store.open(settings, patience_s=30)
        async with open_saver(store) as saver:
            await put(saver, f"r{number}:1")
        await store.close()

    await asyncio.gather(*(start(number) for number in range(6)))
    store = await Store.open(settings)
    broken = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
    threads = "SELECT count(DISTINCT thread_id) FROM checkpoints"
    assert (await store.read(text(broken))).scalar_one() == 0
    assert (await store.read(text(threads))).scalar_one() == 6
    await store.close()


async def test_jobs_share_one_pool_and_go_on_over_a_crash(tmp_path: Path) -> None:
    with PostgresServer() as server:
        url = server.create_database("d")
        store = await Store.open(Settings(home=tmp_path, database_url=url), patience_s=20)

        async def job(number: int) -> None:
            async with open_saver(store) as saver:
                for _ in range(5):
                    await put(saver, f"r{number}:1")

        await asyncio.gather(*(job(number) for number in range(30)))
        assert isinstance(store.database, PostgresDatabase)
        assert store.database._pool is not None
        assert store.database._pool.get_stats()["pool_size"] <= 10
        await asyncio.to_thread(server.kill)
        starting = asyncio.create_task(asyncio.to_thread(server.start))
        await asyncio.gather(*(job(number) for number in range(30)))
        await starting
        await store.close()
