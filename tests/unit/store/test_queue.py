from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.dialects import sqlite

from fabula.store.claims import Claimed, claim_run, due_queues
from fabula.store.engine import Fence, Store
from fabula.store.queue import oldest_due
from fabula.store.runs import end_part, end_run
from fabula.store.tables import db_now, events, projects, runs

LONG_S, SHORT_S = 60.0, 0.15
LEFT = {"status": "running", "worker": "dead", "lease_until": 5.0}
"""A run whose process died; taken over with a short lease, for which the server has been up."""


def row(id_: str, project: str, **given: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "owner": "local",
        "project": project,
        "product": "echo",
        "door": "http",
        "status": "queued",
        "brief": "EchoBrief:1",
        "flags": {},
        "replaced": [],
        "profile": "offline",
        "out": "out",
        "grants": {},
        "part": 1,
        "epoch": 0,
        "cancel_wanted": False,
        "created_at": 1.0,
        "queue": "batch",
        "stalls": 0,
        "not_before": None,
        "worker": None,
        "lease_until": None,
        **given,
    }


async def fill(store: Store, *rows: dict[str, Any]) -> None:
    names = sorted({one["project"] for one in rows})

    async def write(connection: Any) -> None:
        named = [{"owner": "local", "name": name, "turn": 0, "parts": 0} for name in names]
        await connection.execute(insert(projects), named)
        await connection.execute(insert(runs), list(rows))

    await store.write(write)


async def claim(store: Store, lease_s: float = LONG_S, **options: Any) -> Claimed | None:
    return await claim_run(store, "batch", worker="w", lease_s=lease_s, **options)


async def claimed(store: Store, times: int, **options: Any) -> list[str]:
    found = [await claim(store, **options) for _ in range(times)]
    return [one.row.id if one else "-" for one in found]


async def test_projects_are_served_in_turns_and_each_in_its_own_order(store: Store) -> None:
    greedy = [row(f"a{n}", "a", created_at=float(n)) for n in range(4)]
    await fill(store, *greedy, row("b9", "b", created_at=9.0), row("c8", "c", created_at=8.0))
    assert await claimed(store, 7) == ["a0", "b9", "c8", "a1", "a2", "a3", "-"]


async def test_a_project_that_comes_late_is_next(store: Store) -> None:
    await fill(store, *(row(f"a{n}", "a", created_at=float(n)) for n in range(50)))
    await claimed(store, 20)
    await fill(store, row("b", "b", created_at=99.0))
    assert await claimed(store, 2) == ["b", "a20"]


async def test_what_is_not_due_is_not_claimed(store: Store) -> None:
    later = {"not_before": 4e9}
    await fill(
        store,
        row("later", "a", **later),
        row("other", "b", queue="interactive"),
        row("foreground", "c", queue=None),
        row("ended", "d", status="succeeded"),
        row("asks", "e", status="waiting"),
        row("alive", "f", status="running", worker="x", lease_until=4e9),
    )
    assert await claimed(store, 1) == ["-"]
    assert await due_queues(store, ["batch", "interactive"]) == ["interactive"]


async def test_what_a_dead_process_left_waits_for_no_turn(store: Store) -> None:
    await fill(store, row("b", "b"), row("left", "a", **LEFT, epoch=3, created_at=9.0))
    assert await due_queues(store, ["batch"]) == ["batch"]
    taken = await claim(store, lease_s=SHORT_S)
    assert taken
    assert (taken.row.id, taken.epoch, taken.taken_over) == ("left", 4, True)
    # Its lease is short so that the database counts as up for long; from here on it is held.
    held = update(runs).where(runs.c.id == "left").values(lease_until=4e9)
    await store.write(lambda connection: connection.execute(held))
    assert await claimed(store, 2) == ["b", "-"]


async def test_nobody_takes_a_run_from_its_living_owner(store: Store) -> None:
    await fill(store, row("r", "a"))
    assert await claimed(store, 2, lease_s=SHORT_S) == ["r", "-"]
    await asyncio.sleep(SHORT_S * 1.5)
    again = await claim(store, lease_s=SHORT_S)
    assert again
    assert (again.epoch, again.taken_over) == (2, True)


async def test_a_stall_is_a_takeover_without_anything_done_since(store: Store) -> None:
    await fill(store, row("r", "a"))
    stalls = []
    for number in range(6):
        taken = await claim(store, lease_s=0.0)
        assert taken
        stalls.append(taken.stalls)
        if number == 3:
            step = {"run": "r", "seq": 1, "type": "step.finished", "at": 0.0, "phase": "finish"}
            await store.write_row(insert(events).values(**step, task="t", note={}))
    assert stalls == [0, 1, 2, 3, 0, 1]


async def test_a_run_that_may_have_ended_its_process_is_left_to_others(store: Store) -> None:
    await fill(store, row("s", "a", **LEFT, stalls=1), row("b", "b"))
    assert await claimed(store, 2, lease_s=SHORT_S, left="none") == ["b", "-"]
    assert await claimed(store, 1, lease_s=SHORT_S, left="harmless") == ["-"]
    assert await claimed(store, 1, lease_s=SHORT_S) == ["s"]


async def test_a_project_has_so_many_runs_executed_at_once(store: Store) -> None:
    many = [row(f"a{n}", "a", created_at=float(n)) for n in range(5)]
    await fill(store, *many, row("b0", "b", created_at=9.0))
    assert await claimed(store, 4, project_concurrency=2) == ["a0", "b0", "a1", "-"]
    await store.write_row(update(projects).where(projects.c.name == "a").values(concurrency=3))
    assert await claimed(store, 2, project_concurrency=2) == ["a2", "-"]
    await end_run(store, Fence("a0", 1), status="succeeded")
    assert await claimed(store, 2, project_concurrency=2) == ["a3", "-"]


async def test_a_left_run_counts_no_more_and_is_held_to_the_same_number(store: Store) -> None:
    await fill(store, *(row(f"a{n}", "a", **LEFT | {"lease_until": 5.0 + n}) for n in range(3)))
    most = {"lease_s": 2.0, "project_concurrency": 2}
    assert await claimed(store, 3, **most) == ["a0", "a1", "-"]


async def test_a_database_that_just_came_back_lets_the_owners_renew_first(store: Store) -> None:
    await fill(store, row("r", "a", **LEFT))
    a_file_was_never_away = store.database.dialect is sqlite
    expected = ["r"] if a_file_was_never_away else ["-"]
    assert await claimed(store, 1, lease_s=3600.0) == expected


async def test_turns_are_counted_in_parts(store: Store) -> None:
    await fill(store, row("a", "a"), row("b", "b", created_at=2.0))
    served = []
    for _ in range(6):
        taken = await claim(store)
        assert taken
        served.append(taken.row.id)
        await end_part(store, Fence(taken.row.id, taken.epoch))
    assert served == ["a", "b"] * 3
    counted = {one.name: one.parts for one in await store.read(select(projects))}
    assert counted == {"a": 3, "b": 3}


async def test_claims_at_once_give_no_run_twice_and_stay_fair(store: Store) -> None:
    await fill(store, *(row(f"{p}{n}", p, created_at=float(n)) for p in "abcd" for n in range(6)))
    found = await asyncio.gather(*(claim(store) for _ in range(12)))
    taken = [one.row.id for one in found if one]
    assert len(set(taken)) == 12
    assert Counter(one[0] for one in taken) == {"a": 3, "b": 3, "c": 3, "d": 3}


async def test_owners_with_projects_of_one_name_are_served_apart(store: Store) -> None:
    await fill(store, *(row(f"a{n}", "p", created_at=float(n)) for n in range(3)))
    await store.write_row(insert(projects).values(owner="z", name="p", turn=0, parts=0))
    await store.write_row(insert(runs).values(row("z0", "p", owner="z", created_at=9.0)))
    assert await claimed(store, 3) == ["a0", "z0", "a1"]


async def test_the_age_of_a_queue_counts_from_when_its_oldest_run_was_due(store: Store) -> None:
    await fill(store, row("r", "a"), row("later", "b", not_before=4e9))
    await store.write_row(update(runs).where(runs.c.id == "r").values(created_at=db_now() - 7.0))
    found = await oldest_due(store)
    assert found == {"batch": pytest.approx(7.0, abs=2.0)}
