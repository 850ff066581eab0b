from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from fabula.documents import canonical_json
from fabula.gateway.faults import no_hook
from fabula.runs import Runner
from fabula.runs.execution import Setup
from fabula.runs.queue.pool import LocalBell, Pool
from fabula.runs.queue.queueing import RunQueue
from fabula.runs.recorder import Recorder
from fabula.settings import Settings
from fabula.store.engine import Fence, Store
from fabula.store.events import list_events, part_began
from fabula.store.runs import RunRow, get_run
from fabula.store.tables import artifacts, ledger, runs
from fabula.testing.parts import SAGA, calls_of

PRODUCTS = {"saga": SAGA}
BRIEF = {"text": "긴 이야기", "parts": 7}


@pytest.fixture
async def setup(tmp_path: Path) -> AsyncIterator[Setup]:
    settings = Settings(home=tmp_path / "home", sweep_s=0.05)
    store = await Store.open(settings)
    yield Setup(settings, store, no_hook, {}, None)
    await store.close()


async def by_pool(setup: Setup, *, parts: int = 7) -> RunRow:
    pool = Pool(setup, products=PRODUCTS)
    queue = RunQueue(setup.settings, setup.store, LocalBell(pool), products=PRODUCTS)
    run, _ = await queue.submit("saga", {**BRIEF, "parts": parts})
    try:
        async with asyncio.timeout(30):
            while True:
                row = await get_run(setup.store, run)
                if row.status not in ("queued", "running"):
                    return row
                await asyncio.sleep(0.02)
    finally:
        await pool.close()


def files_of(out: str | Path) -> dict[str, bytes]:
    found = sorted(path for path in Path(out).rglob("*.json"))
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in found
        if path.name != "run.json"
    }


async def test_a_run_in_the_foreground_and_one_of_a_pool_give_the_same_bytes(
    setup: Setup, tmp_path: Path
) -> None:
    runner = Runner(setup.settings, products=PRODUCTS, store=setup.store)
    result = await runner.run("saga", BRIEF, out=tmp_path / "foreground")
    row = await by_pool(setup)
    assert (result.status, row.status) == ("succeeded", "succeeded")
    assert files_of(row.out) == files_of(tmp_path / "foreground")
    assert len(files_of(row.out)) == 7 + 1


async def test_each_part_is_paid_for_once_and_is_a_turn_of_its_own(setup: Setup) -> None:
    row = await by_pool(setup)
    paid = select(ledger.c.item).where(ledger.c.run == row.id, ledger.c.state == "answered")
    items = [one.item for one in await setup.store.read(paid)]
    assert len(items) == len(set(items)) == calls_of(7)
    assert (row.part, row.epoch) == (7, 7)


@pytest.mark.parametrize("broken", ["lost", "done again"])
async def test_a_part_that_is_lost_or_done_in_another_way_breaks_the_run(
    setup: Setup, broken: str
) -> None:
    row = await by_pool(setup, parts=3)
    second = (artifacts.c.run == row.id) & (artifacts.c.name == "episodes/00002.json")
    first = select(artifacts.c.hash).where(
        artifacts.c.run == row.id, artifacts.c.name == "episodes/00001.json"
    )
    change = (
        delete(artifacts).where(second)
        if broken == "lost"
        else update(artifacts).where(second).values(hash=first.scalar_subquery())
    )
    await setup.store.write_row(change)
    # As if the last part had been interrupted before its end.
    await setup.store.write_row(
        update(runs).where(runs.c.id == row.id).values(status="queued", part=3)
    )
    pool = Pool(setup, products=PRODUCTS)
    await pool.serve("batch")
    await pool.close()
    ended = await get_run(setup.store, row.id)
    assert (ended.status, ended.code) == ("failed", "gate_failed"), canonical_json(ended.reason)


async def test_a_part_reads_its_own_events_alone(setup: Setup) -> None:
    row = await by_pool(setup, parts=4)
    stored = await list_events(setup.store, row.id)
    ends = [one.seq for one in stored if one.type == "run.part"]
    began = [await part_began(setup.store, row.id, part) for part in (1, 2, 3, 4)]
    assert [*began, ends[3]] == [0, *ends]
    # The end of part 3 stands, but a crash kept its row from being raised.
    recorder = Recorder(setup.store, Fence(row.id, row.epoch), None)
    own = await recorder.open(3)
    assert [one.seq for one in own] == list(range(ends[1] + 1, len(stored) + 1))
    assert [one.seq for one in stored] == list(range(1, len(stored) + 1))


async def test_progress_counts_parts_of_all_parts(setup: Setup) -> None:
    row = await by_pool(setup, parts=4)
    stored = await list_events(setup.store, row.id)
    ends = [one.note for one in stored if one.type == "run.part"]
    assert [(one["done"], one["total"], one["unit"]) for one in ends] == [
        (done, 4, "parts") for done in (1, 2, 3, 4)
    ]
    assert all(one["eta_s"] > 0 for one in ends[:3])
    assert ends[3]["eta_s"] == 0
    worked = [one["worked_s"] for one in ends]
    assert worked == sorted(worked)
    steps = [one.note for one in stored if one.type == "step.finished"]
    assert [(one["done"], one["steps"]["done"]) for one in steps] == [
        (part, step) for part in range(4) for step in (1, 2, 3)
    ]
    # Of the first part nobody knows yet how long one takes.
    assert [one["eta_s"] is None for one in steps] == [True] * 3 + [False] * 9


async def test_a_number_of_parts_that_nobody_knows_is_not_made_up(setup: Setup) -> None:
    unknown = {"saga": replace(SAGA, parts=None)}
    runner = Runner(setup.settings, products=unknown, store=setup.store)
    result = await runner.run("saga", {**BRIEF, "parts": 3})
    stored = await list_events(setup.store, result.run_id)
    ends = [one.note for one in stored if one.type == "run.part"]
    assert [(one["done"], one["total"], one["eta_s"]) for one in ends] == [
        (1, None, None),
        (2, None, None),
        (3, 3, 0.0),
    ]
