from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fabula.errors import Conflict
from fabula.gateway.faults import no_hook
from fabula.runs.execution import Setup
from fabula.runs.queue.pool import LocalBell, Pool
from fabula.runs.queue.queueing import RunQueue
from fabula.settings import Settings
from fabula.store.engine import Store
from fabula.store.events import list_events
from fabula.store.runs import RunRow, get_run
from fabula.testing.echo import ECHO

PRODUCTS = {"echo": ECHO}
BRIEF = {"text": "가을 산책", "count": 2}


@pytest.fixture
async def setup(tmp_path: Path) -> AsyncIterator[Setup]:
    settings = Settings(home=tmp_path / "home", sweep_s=0.05)
    store = await Store.open(settings)
    yield Setup(settings, store, no_hook, {}, None)
    await store.close()


@pytest.fixture
async def pool(setup: Setup) -> AsyncIterator[Pool]:
    made = Pool(setup, products=PRODUCTS)
    yield made
    await made.close()


def queue_of(setup: Setup, pool: Pool | None) -> RunQueue:
    return RunQueue(setup.settings, setup.store, LocalBell(pool), products=PRODUCTS)


async def started(store: Store, run: str) -> None:
    async with asyncio.timeout(20):
        while True:
            if await list_events(store, run, after=4):
                return
            await asyncio.sleep(0.01)


async def ended(store: Store, run: str) -> RunRow:
    async with asyncio.timeout(20):
        while True:
            row = await get_run(store, run)
            if row.status not in ("queued", "running"):
                return row
            await asyncio.sleep(0.02)


async def test_a_submitted_run_is_executed_and_tells_so(setup: Setup, pool: Pool) -> None:
    run, new = await queue_of(setup, pool).submit("echo", BRIEF)
    row = await ended(setup.store, run)
    types = [event.type for event in await list_events(setup.store, run)]
    assert (new, row.status, row.code) == (True, "succeeded", None)
    assert types[0] == "run.queued"
    assert types.index("run.started") < types.index("run.succeeded")


async def test_a_run_whose_bell_was_lost_is_swept_up(setup: Setup, pool: Pool) -> None:
    run, _ = await queue_of(setup, None).submit("echo", BRIEF)
    pool.start()
    assert (await ended(setup.store, run)).status == "succeeded"


async def test_the_same_idempotency_key_makes_one_run(setup: Setup) -> None:
    queue = queue_of(setup, None)
    asked = [
        queue.submit("echo", BRIEF, idempotency_key="k", request={"brief": BRIEF}) for _ in range(5)
    ]
    made = await asyncio.gather(*asked)
    assert len({run for run, _ in made}) == 1
    assert sum(new for _, new in made) == 1
    with pytest.raises(Conflict, match="another request"):
        await queue.submit("echo", BRIEF, idempotency_key="k", request={"brief": {}})


async def test_a_thread_has_one_active_run(setup: Setup, pool: Pool) -> None:
    queue = queue_of(setup, None)
    run, _ = await queue.submit("echo", BRIEF, thread="book")
    with pytest.raises(Conflict, match=run):
        await queue.submit("echo", BRIEF, thread="book")
    await queue.submit("echo", BRIEF, thread="book", project="another")
    pool.start()
    await ended(setup.store, run)
    await queue.submit("echo", BRIEF, thread="book")


async def test_a_cancelled_waiting_run_is_never_executed(setup: Setup, pool: Pool) -> None:
    queue = queue_of(setup, None)
    run, _ = await queue.submit("echo", BRIEF)
    row = await queue.cancel(run)
    pool.start()
    await asyncio.sleep(0.2)
    assert (row.status, (await get_run(setup.store, run)).status) == ("cancelled", "cancelled")
    await queue.resume(run)
    assert (await ended(setup.store, run)).status == "succeeded"


async def test_a_delayed_run_waits(setup: Setup, pool: Pool) -> None:
    run, _ = await queue_of(setup, pool).submit("echo", BRIEF, after_s=0.4)
    pool.start()
    await asyncio.sleep(0.1)
    assert (await get_run(setup.store, run)).status == "queued"
    row = await ended(setup.store, run)
    assert row.started_at - row.created_at >= 0.4


async def test_a_drained_pool_leaves_its_run_for_another(setup: Setup, pool: Pool) -> None:
    run, _ = await queue_of(setup, pool).submit("echo", {"text": "긴 글", "count": 200})
    await started(setup.store, run)
    await pool.close()
    row = await get_run(setup.store, run)
    assert (row.status, row.worker, row.code) == ("queued", None, "drained")
    other = Pool(setup, products=PRODUCTS)
    other.start()
    try:
        assert (await ended(setup.store, run)).status == "succeeded"
    finally:
        await other.close()
