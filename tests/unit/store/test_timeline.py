from __future__ import annotations

from fabula.store.engine import Store
from fabula.store.events import Event, append_events
from fabula.store.timeline import last_events, last_of_type, last_progress, last_time
from tests.unit.store.conftest import MakeRun


async def test_the_last_events_come_in_order(store: Store, make_run: MakeRun) -> None:
    fence = await make_run()
    types = ["run.started", "run.part", "cost", "run.part", "cost"]
    await append_events(store, fence, [Event(one) for one in types], after=0)
    assert [one.seq for one in await last_events(store, "r1", limit=2)] == [4, 5]
    assert [one.seq for one in await last_events(store, "r1", limit=2, before=4)] == [2, 3]
    assert await last_events(store, "r1", limit=2, before=1) == []
    assert await last_of_type(store, "r1", "run.part", up_to=9) == 4
    assert await last_of_type(store, "r1", "run.part", up_to=3) == 2
    assert await last_of_type(store, "r1", "run.part", up_to=1) == 0


async def test_the_end_of_each_runs_last_step_or_part_is_found(
    store: Store, make_run: MakeRun
) -> None:
    for run, done in (("r1", 3), ("r2", 1)):
        fence = await make_run(run)
        steps = [Event("step.finished", note={"done": one}) for one in range(1, done + 1)]
        await append_events(store, fence, [*steps, Event("cost")], after=0)
    await make_run("r3")
    fence = await make_run("r4")
    ends = [Event("step.finished", note={"done": 4}), Event("run.part", note={"done": 5})]
    await append_events(store, fence, ends, after=0)
    found = await last_progress(store, ["r1", "r2", "r3", "r4"])
    assert {run: one.note["done"] for run, one in found.items()} == {"r1": 3, "r2": 1, "r4": 5}
    assert await last_progress(store, []) == {}


async def test_when_a_run_last_had_an_event_of_a_type(store: Store, make_run: MakeRun) -> None:
    fence = await make_run()
    assert await last_time(store, "r1", "run.models") is None
    (stored,) = await append_events(store, fence, [Event("run.models")], after=0)
    await append_events(store, fence, [Event("cost")], after=1)
    assert await last_time(store, "r1", "run.models") == stored.at
