from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from fabula.documents import Document
from fabula.errors import BadInput, LeaseLost, StoreError
from fabula.store.documents import StoredArtifacts, StoredDocuments, list_artifacts
from fabula.store.engine import Fence, Store
from fabula.store.events import Event, append_events, list_events
from fabula.store.runs import (
    Copied,
    NewRun,
    end_run,
    get_run,
    insert_run,
    lease_left,
    take_run,
    want_cancel,
)

MakeRun = Callable[..., Awaitable[Fence]]


async def test_a_living_run_is_not_taken(store: Store, make_run: MakeRun) -> None:
    await make_run()
    assert await lease_left(store, "r1") > 2
    assert await take_run(store, "r1", worker="you", lease_s=3) is None


async def test_of_two_takers_one_wins(store: Store, make_run: MakeRun) -> None:
    await make_run(lease_s=0.0)
    epochs = await asyncio.gather(
        take_run(store, "r1", worker="a", lease_s=3), take_run(store, "r1", worker="b", lease_s=3)
    )
    assert sorted(epochs, key=str) == [2, None]


async def test_a_taken_over_run_refuses_its_former_owner(store: Store, make_run: MakeRun) -> None:
    former = await make_run(lease_s=0.0)
    await take_run(store, "r1", worker="you", lease_s=3)
    with pytest.raises(LeaseLost):
        await end_run(store, former, status="succeeded")
    with pytest.raises(LeaseLost):
        await append_events(store, former, [Event("cost")], after=0)
    assert (await get_run(store, "r1")).status == "running"
    assert await list_events(store, "r1") == []


async def test_an_ended_run_gives_its_lease_back(store: Store, make_run: MakeRun) -> None:
    fence = await make_run()
    await end_run(store, fence, status="over_budget", code="over_budget", reason={"en": "x"})
    row = await get_run(store, "r1")
    assert (row.status, row.worker) == ("over_budget", None)
    assert row.finished_at >= row.started_at
    assert await take_run(store, "r1", worker="you", lease_s=3, budget=7) == 2
    row = await get_run(store, "r1")
    assert (row.status, row.budget, row.code) == ("running", 7, None)


async def test_a_succeeded_run_is_never_taken(store: Store, make_run: MakeRun) -> None:
    await end_run(store, await make_run(), status="succeeded")
    assert await take_run(store, "r1", worker="you", lease_s=3) is None


async def test_cancel_asks_the_living_and_ends_the_dead(store: Store, make_run: MakeRun) -> None:
    await make_run("live")
    await make_run("dead", lease_s=0.0)
    asked, ended = await want_cancel(store, "live"), await want_cancel(store, "dead")
    assert (asked.status, asked.cancel_wanted) == ("running", True)
    assert (ended.status, ended.epoch) == ("cancelled", 2)
    # Nobody else would tell of it.
    assert await list_events(store, "live") == []
    (told,) = await list_events(store, "dead")
    assert (told.type, told.seq, told.note) == ("run.cancelled", 1, ended.reason)


async def test_cancel_leaves_an_ended_run_as_it_is(store: Store, make_run: MakeRun) -> None:
    await end_run(store, await make_run(), status="succeeded")
    assert (await want_cancel(store, "r1")).status == "succeeded"


async def test_an_unknown_run_is_bad_input(store: Store) -> None:
    with pytest.raises(BadInput, match="no run `nowhere`"):
        await get_run(store, "nowhere")


async def test_events_are_numbered_without_gaps(store: Store, make_run: MakeRun) -> None:
    fence = await make_run()
    first = await append_events(store, fence, [Event("a"), Event("b")], after=0)
    await append_events(store, fence, [Event("c", note={"n": 1})], after=first[-1].seq)
    stored = await list_events(store, "r1")
    assert [(event.seq, event.type) for event in stored] == [(1, "a"), (2, "b"), (3, "c")]
    assert stored[2].note == {"n": 1}
    assert await list_events(store, "r1", after=2) == stored[2:]


class Page(Document):
    text: str


async def test_a_changed_run_takes_over_what_it_names_and_says_what_it_is(
    store: Store, make_run: MakeRun
) -> None:
    parent = await make_run()
    of_parent = StoredDocuments(store, parent)
    kept, left = await of_parent.put(Page(text="남김")), await of_parent.put(Page(text="버림"))
    files = StoredArtifacts(store, parent)
    for name in ("pictures/a.png", "index.html"):
        await files.put(name, name.encode(), "image/png")
    brief = Page(text="가을")
    new = NewRun(
        id="r2",
        project="p",
        product="magazine",
        door="library",
        flags={},
        replaced=(),
        profile="offline",
        out="out",
        budget=None,
        timeout_s=None,
        parent="r1",
        change={"name": "rewrite", "state": {"section": kept}},
    )
    copied = Copied("r1", [kept, brief.id], ["pictures/a.png"])
    fence = Fence("r2", await insert_run(store, new, brief, "me", 3.0, copied=copied))
    row = await get_run(store, "r2")
    assert (row.parent, row.change["name"]) == ("r1", "rewrite")
    own = StoredDocuments(store, fence)
    assert (await own.get(Page, kept)).text == "남김"
    with pytest.raises(StoreError, match="has no Page"):
        await own.get(Page, left)
    assert [one.name for one in await list_artifacts(store, "r2")] == ["pictures/a.png"]
    assert [one.name for one in await list_artifacts(store, "r1")] == [
        "index.html",
        "pictures/a.png",
    ]
