"""Sums of the ledger: by day of a zone, product, step and model, of one owner alone."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fabula.store.costs import DAY_S, Days, spent_by_agent, spent_by_day, spent_by_run, today
from fabula.store.engine import Store
from fabula.store.ledger import totals
from fabula.store.tables import LOCAL, ledger, runs
from fabula.store.timeline import now
from tests.unit.store.conftest import MakeRun

NUMBERS = count()
NOON = 20_000 * DAY_S + DAY_S // 2
WHOLE = Days(0, 40_000, 0)


async def call(store: Store, run: str, **given: Any) -> None:
    number = next(NUMBERS)
    values = {
        "id": f"c{number}",
        "run": run,
        "key": f"k{number}",
        "epoch": 1,
        "state": "answered",
        "agent": "magazine.write",
        "item": "write_section/s1",
        "attempt": 0,
        "ask": 0,
        "provider": "openai",
        "model": "m",
        "estimated_tokens": 10,
        "reserved": 900,
        "cost": 100,
        "input_tokens": 7,
        "output_tokens": 3,
        "claimed_at": NOON,
        "answered_at": NOON,
        **given,
    }

    async def write(connection: AsyncConnection) -> None:
        await connection.execute(insert(ledger).values(**values))

    await store.write(write)


async def own(store: Store, run: str, **values: Any) -> None:
    await store.write_row(update(runs).where(runs.c.id == run).values(**values))


async def test_sums_are_by_day_product_step_and_model(store: Store, make_run: MakeRun) -> None:
    await make_run("r1")
    await make_run("r2")
    await own(store, "r2", product="novel")
    await call(store, "r1")
    await call(store, "r1", item="write_section/s2", cost=11)
    await call(store, "r1", item="classify", model="small", cost=5)
    await call(store, "r1", answered_at=NOON + DAY_S)
    await call(store, "r2", item="draft/1", cost=2**40)
    found = {
        (one.day, one.product, one.step, one.model): (one.calls, one.cost)
        for one in await spent_by_day(store, LOCAL, WHOLE)
    }
    assert found == {
        (20_000, "magazine", "write_section", "openai:m"): (2, 111),
        (20_000, "magazine", "classify", "openai:small"): (1, 5),
        (20_001, "magazine", "write_section", "openai:m"): (1, 100),
        (20_000, "novel", "draft", "openai:m"): (1, 2**40),
    }
    assert await spent_by_run(store, ["r1", "r2", "none"]) == {"r1": 216, "r2": 2**40}
    assert await spent_by_run(store, []) == {}


async def test_another_owners_calls_are_not_summed(store: Store, make_run: MakeRun) -> None:
    await make_run("r1")
    await own(store, "r1", owner="ann")
    await call(store, "r1")
    assert await spent_by_day(store, LOCAL, WHOLE) == []
    assert [one.cost for one in await spent_by_day(store, "ann", WHOLE)] == [100]


@pytest.mark.parametrize(
    ("at", "offset_s", "day"),
    [
        (20_000.0 * DAY_S, 0, 20_000),
        (20_000.0 * DAY_S - 0.25, 0, 19_999),
        (20_000.0 * DAY_S - 0.75, 0, 19_999),
        (20_000.0 * DAY_S - 9 * 3600, 9 * 3600, 20_000),
        (20_000.0 * DAY_S - 9 * 3600 - 0.25, 9 * 3600, 19_999),
    ],
)
async def test_a_day_begins_at_the_zones_midnight(
    store: Store, make_run: MakeRun, *, at: float, offset_s: int, day: int
) -> None:
    await make_run()
    await call(store, "r1", answered_at=at)
    (found,) = await spent_by_day(store, LOCAL, Days(0, 40_000, offset_s))
    assert found.day == day
    # The range and the day agree on where the call belongs.
    assert len(await spent_by_day(store, LOCAL, Days(day, day, offset_s))) == 1
    assert await spent_by_day(store, LOCAL, Days(day + 1, day + 9, offset_s)) == []
    assert await spent_by_day(store, LOCAL, Days(0, day - 1, offset_s)) == []


async def test_a_call_in_doubt_stands_apart_and_one_on_its_way_is_left_out(
    store: Store, make_run: MakeRun
) -> None:
    await make_run("r1", lease_s=3600)
    none = {"cost": None, "input_tokens": None, "output_tokens": None, "answered_at": None}
    await call(store, "r1")
    await call(store, "r1", state="in_doubt", **none)
    await call(store, "r1", state="claimed", epoch=0, **none)
    await call(store, "r1", state="claimed", **none)
    await call(store, "r1", state="released", **none)
    (found,) = await spent_by_day(store, LOCAL, WHOLE)
    sums = await totals(store, "r1")
    assert (found.calls, found.cost) == (1, 100) == (sums.calls, sums.answered)
    assert (found.in_doubt_calls, found.in_doubt) == (2, 1800)
    assert (sums.doubtful_calls, sums.in_doubt) == (2, 1800)
    (agent,) = await spent_by_agent(store, "r1")
    assert (agent.agent, agent.model, agent.input_tokens) == ("magazine.write", "openai:m", 7)


async def test_today_is_the_databases(store: Store) -> None:
    before = await now(store)
    assert int((before + 9 * 3600) // DAY_S) <= await today(store, 9 * 3600)
    assert await today(store, 9 * 3600) <= int((await now(store) + 9 * 3600) // DAY_S)
