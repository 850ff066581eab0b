from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from fabula.errors import StoreError
from fabula.settings import Settings
from fabula.store.engine import Fence, Store
from fabula.store.runs import get_run
from fabula.store.tables import LOCAL, REVISION, db_now, runs

MakeRun = Callable[..., Awaitable[Fence]]


async def test_new_database_is_stamped_and_opens_again(settings: Settings, store: Store) -> None:
    again = await Store.open(settings)
    found = (await again.read(text("SELECT version_num FROM alembic_version"))).scalar_one()
    await again.close()
    assert found == REVISION


EARLIEST = """
DROP TABLE delivery_tries
DROP TABLE deliveries
DROP TABLE files
DROP TABLE keys
DROP TABLE projects
DROP INDEX runs_one_active_thread
DROP INDEX runs_idempotency
DROP INDEX runs_leases
DROP INDEX runs_due
DROP INDEX runs_newest
ALTER TABLE runs DROP COLUMN owner
ALTER TABLE runs DROP COLUMN queue
ALTER TABLE runs DROP COLUMN thread
ALTER TABLE runs DROP COLUMN idempotency_key
ALTER TABLE runs DROP COLUMN request_hash
ALTER TABLE runs DROP COLUMN webhook
ALTER TABLE runs DROP COLUMN mark
ALTER TABLE runs DROP COLUMN stalls
ALTER TABLE runs RENAME COLUMN worker TO owner
ALTER TABLE runs DROP COLUMN change
UPDATE alembic_version SET version_num = '0001'
"""
"""Takes this version's schema back to the first one's, statement by statement."""


async def test_database_of_another_schema_is_refused(settings: Settings, store: Store) -> None:
    async def age(connection: AsyncConnection) -> None:
        await connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))

    await store.write(age)
    with pytest.raises(StoreError, match="0000"):
        await Store.open(settings)


async def test_a_database_of_an_earlier_schema_is_brought_up_and_keeps_its_runs(
    settings: Settings, store: Store, make_run: MakeRun
) -> None:
    await make_run("old")

    async def age(connection: AsyncConnection) -> None:
        for statement in EARLIEST.strip().splitlines():
            await connection.execute(text(statement))

    await store.write(age)
    again = await Store.open(settings)
    try:
        row = await get_run(again, "old")
        found = (await again.read(text("SELECT version_num FROM alembic_version"))).scalar_one()
    finally:
        await again.close()
    assert (row.change, row.owner, row.worker, found) == (None, LOCAL, "me", REVISION)


async def test_an_unusable_home_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="FABULA_HOME"):
        await Store.open(Settings(home=tmp_path / "file" / "home"))


async def test_another_database_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="mysql"):
        await Store.open(Settings(home=tmp_path, database_url="mysql+asyncmy://u@h/d"))


async def test_one_failing_write_leaves_its_group_standing(store: Store) -> None:
    async def good(connection: AsyncConnection) -> int:
        return int((await connection.execute(select(func.count()).select_from(runs))).scalar_one())

    async def bad(connection: AsyncConnection) -> int:
        await connection.execute(text("INSERT INTO nowhere VALUES (1)"))
        return 0

    results = await asyncio.gather(
        store.write(good), store.write(bad), store.write(good), return_exceptions=True
    )
    assert [results[0], results[2]] == [0, 0]
    assert "nowhere" in str(results[1])


async def test_reads_go_on_while_a_writer_holds_the_lock(store: Store) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow(connection: AsyncConnection) -> None:
        entered.set()
        await leave.wait()

    writing = asyncio.create_task(store.write(slow))
    await entered.wait()
    async with asyncio.timeout(2):
        await store.read(select(db_now()))
    leave.set()
    await writing


async def test_database_clock_is_the_wall_clock(store: Store) -> None:
    import time

    now = (await store.read(select(db_now()))).scalar_one()
    assert abs(now - time.time()) < 5
