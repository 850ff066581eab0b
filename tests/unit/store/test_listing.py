from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from fabula.store.engine import Store
from fabula.store.listing import Wanted, page_of_runs
from fabula.store.tables import LOCAL, runs
from tests.unit.store.conftest import MakeRun


async def names(store: Store, wanted: Wanted) -> list[str]:
    return [row.id for row in await page_of_runs(store, wanted, before=None, limit=50)]


async def set_of(store: Store, run: str, **values: object) -> None:
    async def write(connection: AsyncConnection) -> None:
        await connection.execute(update(runs).where(runs.c.id == run).values(**values))

    await store.write(write)


async def test_runs_of_one_moment_are_paged_by_their_ids(store: Store, make_run: MakeRun) -> None:
    for number in range(9):
        await make_run(f"r{number}")
        await set_of(store, f"r{number}", created_at=1000.0 + number // 3)
    seen: list[str] = []
    before = None
    while page := await page_of_runs(store, Wanted(LOCAL), before=before, limit=2):
        seen += [row.id for row in page]
        before = (page[-1].created_at, page[-1].id)
    assert seen == [f"r{number}" for number in reversed(range(9))]


@pytest.mark.parametrize("name", ["project", "product", "thread"])
async def test_a_filter_takes_what_it_names(store: Store, make_run: MakeRun, name: str) -> None:
    await make_run("r1")
    await make_run("r2")
    await set_of(store, "r2", **{name: "other"})
    wanted: dict[str, Any] = {name: "other"}
    assert await names(store, Wanted(LOCAL, **wanted)) == ["r2"]
    assert await names(store, Wanted("somebody")) == []


async def test_several_statuses_can_be_wanted(store: Store, make_run: MakeRun) -> None:
    for number, status in enumerate(("queued", "failed", "cancelled")):
        await make_run(f"r{number}")
        await set_of(store, f"r{number}", status=status)
    assert await names(store, Wanted(LOCAL, statuses=("failed", "queued"))) == ["r1", "r0"]
    assert len(await names(store, Wanted(LOCAL))) == 3
