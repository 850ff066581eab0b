from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from fabula.store.engine import Fence, Store
from fabula.store.events import Event, append_events, last_note
from fabula.store.tables import runs
from fabula.store.watching import Standing, news, page_of_events, standings
from tests.unit.store.conftest import MakeRun


async def say(store: Store, run: Fence, count: int, *, after: int = 0) -> None:
    batch = [Event("fact", note={"n": after + number}) for number in range(1, count + 1)]
    await append_events(store, run, batch, after=after)


async def test_many_runs_are_seen_in_one_question(store: Store, make_run: MakeRun) -> None:
    first, second = await make_run("r1"), await make_run("r2")
    await say(store, first, 3)

    async def end(connection: AsyncConnection) -> None:
        changes = {"status": "failed", "code": "stuck"}
        await connection.execute(update(runs).where(runs.c.id == second.run).values(**changes))

    await store.write(end)
    assert await standings(store, ["r1", "nothing", "r2"]) == {
        "r1": Standing("running", None, 3),
        "r2": Standing("failed", "stuck", 0),
    }
    assert await standings(store, []) == {}


async def test_more_runs_than_a_statement_names_are_all_seen(
    store: Store, make_run: MakeRun
) -> None:
    made = [await make_run(f"r{number}") for number in range(60)]
    for run in made:
        await say(store, run, 2)
    found = await news(store, {run.run: number % 3 for number, run in enumerate(made)})
    for number, run in enumerate(made):
        seen = [event.seq for of, event in found if of == run.run]
        assert seen == list(range(number % 3 + 1, 3))


async def test_a_page_goes_on_after_a_number(store: Store, make_run: MakeRun) -> None:
    run = await make_run()
    await say(store, run, 7)
    page = await page_of_events(store, run.run, after=2, limit=3)
    assert [event.seq for event in page] == [3, 4, 5]
    assert page[0].note == {"n": 3}
    assert await page_of_events(store, run.run, after=7, limit=3) == []


async def test_the_last_note_of_a_type(store: Store, make_run: MakeRun) -> None:
    run = await make_run()
    assert await last_note(store, run.run, "fact") is None
    await say(store, run, 3)
    await append_events(store, run, [Event("other")], after=3)
    assert await last_note(store, run.run, "fact") == {"n": 3}
