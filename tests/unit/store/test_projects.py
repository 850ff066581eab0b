from __future__ import annotations

import pytest

from fabula.errors import BadInput
from fabula.store.claims import claim_run
from fabula.store.engine import Store
from fabula.store.projects import list_projects, set_concurrency
from fabula.store.queue import submit_run
from fabula.store.runs import NewRun
from tests.unit.store.conftest import Angle


async def submitted(store: Store, id_: str, *, owner: str = "ann", project: str = "p") -> None:
    new = NewRun(
        id=id_,
        owner=owner,
        project=project,
        product="echo",
        door="http",
        flags={},
        replaced=(),
        profile="offline",
        out="",
        budget=None,
        timeout_s=None,
        queue="batch",
    )
    await submit_run(store, new, Angle(text="가을"))


async def claimed(store: Store, *, setting: int | None = None) -> list[str]:
    """Claim as much as there is; the runs stay executed."""
    found = []
    while one := await claim_run(
        store, "batch", worker="me", lease_s=30, project_concurrency=setting
    ):
        found.append(f"{one.row.owner}/{one.row.project}")
    return found


async def test_a_project_is_executed_no_more_than_it_may_at_once(store: Store) -> None:
    await set_concurrency(store, owner="ann", name="p", most=2)
    for number in range(5):
        await submitted(store, f"a{number}")
        await submitted(store, f"b{number}", owner="bob")
    assert sorted(await claimed(store)) == ["ann/p"] * 2 + ["bob/p"] * 5


async def test_a_projects_own_number_stands_before_the_settings(store: Store) -> None:
    await set_concurrency(store, owner="ann", name="p", most=3)
    for number in range(5):
        await submitted(store, f"a{number}")
        await submitted(store, f"q{number}", project="q")
    assert sorted(await claimed(store, setting=1)) == ["ann/p"] * 3 + ["ann/q"]
    await set_concurrency(store, owner="ann", name="p", most=None)
    assert sorted(await claimed(store, setting=4)) == ["ann/p"] + ["ann/q"] * 3


async def test_projects_are_told_with_what_they_did(store: Store) -> None:
    await submitted(store, "a1")
    await claimed(store)
    made = await set_concurrency(store, owner="ann", name="p", most=7)
    assert (made.parts, made.concurrency) == (1, 7)
    await set_concurrency(store, owner="bob", name="p", most=1)
    assert await list_projects(store, "ann") == [made]
    assert [one.owner for one in await list_projects(store)] == ["ann", "bob"]


@pytest.mark.parametrize("most", [0, -1, 10_001])
async def test_an_odd_number_is_refused(store: Store, most: int) -> None:
    with pytest.raises(BadInput, match="concurrency"):
        await set_concurrency(store, owner="ann", name="p", most=most)
