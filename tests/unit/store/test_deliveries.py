from __future__ import annotations

import asyncio

from fabula.store.deliveries import Due, list_deliveries, record_try, take_deliveries
from fabula.store.engine import Store
from fabula.store.queue import submit_run
from fabula.store.runs import NewRun, want_cancel
from tests.unit.store.conftest import Angle


async def told(store: Store, run: str) -> None:
    new = NewRun(
        id=run,
        owner="ann",
        project="p",
        product="echo",
        door="http",
        flags={},
        replaced=(),
        profile="offline",
        out="",
        budget=None,
        timeout_s=None,
        queue="batch",
        webhook=f"https://example.com/{run}",
    )
    await submit_run(store, new, Angle(text="가을"))
    await want_cancel(store, run)


async def test_what_is_taken_is_not_taken_again_while_it_is_held(store: Store) -> None:
    await told(store, "r1")
    (due,) = await take_deliveries(store, hold_s=30, most=8)
    assert (due.run, due.owner, due.event, due.number) == ("r1", "ann", "run.cancelled", 1)
    assert await take_deliveries(store, hold_s=30, most=8) == ()


async def test_takers_at_one_time_share_what_is_due(store: Store) -> None:
    for number in range(12):
        await told(store, f"r{number}")
    taken = await asyncio.gather(
        *(take_deliveries(store, hold_s=30, most=5) for _ in range(4)),
    )
    ids = [due.run for some in taken for due in some]
    while rest := await take_deliveries(store, hold_s=30, most=5):
        ids += [due.run for due in rest]
    assert sorted(ids) == sorted(f"r{number}" for number in range(12))


async def test_a_try_that_was_overtaken_does_not_undo_the_later_one(store: Store) -> None:
    await told(store, "r1")
    (first,) = await take_deliveries(store, hold_s=0, most=8)
    (second,) = await take_deliveries(store, hold_s=30, most=8)
    assert (first.number, second.number) == (1, 2)
    await _record(store, first, status=500, delivered=False, wait_s=0.0)
    assert await take_deliveries(store, hold_s=30, most=8) == (), "the second is still at it"
    await _record(store, second, status=200, delivered=True, wait_s=None)
    (delivery,) = await list_deliveries(store, "r1")
    assert (delivery.state, delivery.next_at) == ("delivered", None)
    assert [(one.number, one.status) for one in delivery.tries] == [(1, 500), (2, 200)]


async def test_an_overtaken_try_that_delivered_counts(store: Store) -> None:
    await told(store, "r1")
    (first,) = await take_deliveries(store, hold_s=0, most=8)
    (second,) = await take_deliveries(store, hold_s=30, most=8)
    await _record(store, first, status=200, delivered=True, wait_s=None)
    await _record(store, second, status=500, delivered=False, wait_s=0.0)
    (delivery,) = await list_deliveries(store, "r1")
    assert delivery.state == "delivered"
    assert await take_deliveries(store, hold_s=30, most=8) == ()


async def test_runs_without_a_webhook_tell_nobody(store: Store) -> None:
    await told(store, "r1")
    assert await list_deliveries(store, "another") == []


async def _record(
    store: Store, due: Due, *, status: int, delivered: bool, wait_s: float | None
) -> None:
    await record_try(store, due, status=status, error=None, delivered=delivered, wait_s=wait_s)
