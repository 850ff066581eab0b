from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from fabula.errors import Conflict, UnfitFile, UnknownFile
from fabula.store.engine import Store
from fabula.store.files import (
    LEFT_BEHIND_S,
    Upload,
    delete_file,
    find_file,
    folder_of,
    incoming,
    keep_file,
    list_files,
    place_of,
    upload_id,
)
from fabula.store.queue import submit_run
from fabula.store.runs import NewRun, want_cancel
from tests.unit.store.conftest import Angle


def upload(name: str = "a.md", *, owner: str = "ann", size: int = 3) -> Upload:
    return Upload(upload_id(owner, name, "0" * 64), owner, name, "0" * 64, "text/markdown", size, 0)


def place(one: Upload) -> tuple[float, str]:
    return one.created_at, one.id


async def kept(store: Store, one: Upload, *, most: int = 1000) -> bool:
    folder = incoming(store.home)
    (folder / one.name).write_bytes(b"abc")
    return await keep_file(store, one, folder, most=most)


async def test_the_same_file_twice_is_one(store: Store) -> None:
    one = upload()
    made = await asyncio.gather(*(kept(store, one) for _ in range(5)))
    assert sorted(made) == [False] * 4 + [True]
    (only,) = await list_files(store, "ann", limit=10)
    assert (only.id, only.name, only.size) == (one.id, "a.md", 3)
    assert (await place_of(store, "ann", one.id)).read_bytes() == b"abc"


def test_ids_differ_by_owner_name_and_bytes() -> None:
    ids = {upload_id(*given) for given in (("a", "b", "c"), ("a", "b", "d"), ("a", "x", "c"))}
    assert len(ids | {upload_id("b", "b", "c"), upload_id("ab", "", "c")}) == 5


async def test_anothers_file_is_unknown(store: Store) -> None:
    one = upload()
    await kept(store, one)
    for wrong in (one.id[:-1] + "g", "", "../" + one.id, "\x00", one.id + "\n", "\ud800"):
        with pytest.raises(UnknownFile):
            await find_file(store, "ann", wrong)
    for call in (find_file, place_of, delete_file):
        with pytest.raises(UnknownFile):
            await call(store, "bob", one.id)
    assert await list_files(store, "bob", limit=10) == []


async def test_a_deleted_file_is_gone_and_can_come_again(store: Store) -> None:
    one = upload()
    await kept(store, one)
    await delete_file(store, "ann", one.id)
    assert not folder_of(store.home, one.id).exists()
    assert not any((store.home / "uploads" / ".incoming").rglob("a.md"))
    with pytest.raises(UnknownFile):
        await place_of(store, "ann", one.id)
    assert await kept(store, one) is True
    assert (await place_of(store, "ann", one.id)).read_bytes() == b"abc"


async def test_deleting_and_sending_again_at_once_ends_in_order(store: Store) -> None:
    one = upload()
    await kept(store, one)
    for _ in range(10):
        await asyncio.gather(delete_file(store, "ann", one.id), kept(store, one))
        known = await list_files(store, "ann", limit=10)
        if known:
            assert (await place_of(store, "ann", one.id)).read_bytes() == b"abc"
        else:
            await kept(store, one)


async def test_a_file_that_a_living_run_names_stays(store: Store) -> None:
    one = upload()
    await kept(store, one)
    new = NewRun(
        id="r1",
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
    )
    await submit_run(store, new, Angle(text=f"file:{one.id}"))
    with pytest.raises(Conflict) as raised:
        await delete_file(store, "ann", one.id)
    assert (raised.value.code, raised.value.run) == ("file_in_use", "r1")
    assert (await place_of(store, "ann", one.id)).exists()
    await want_cancel(store, "r1")
    await delete_file(store, "ann", one.id)


async def test_an_owners_files_together_have_a_limit(store: Store) -> None:
    await kept(store, upload("a.md", size=600))
    with pytest.raises(UnfitFile) as raised:
        await kept(store, upload("b.md", size=600))
    assert raised.value.code == "file_too_large"
    assert [one.name for one in await list_files(store, "ann", limit=10)] == ["a.md"]
    await kept(store, upload("b.md", size=600, owner="bob"))


async def test_files_are_listed_newest_first_in_pages(store: Store) -> None:
    for number in range(5):
        await kept(store, upload(f"{number}.md"))
    first = await list_files(store, "ann", limit=2)
    second = await list_files(store, "ann", limit=2, before=place(first[-1]))
    third = await list_files(store, "ann", limit=2, before=place(second[-1]))
    names = [one.name for page in (first, second, third) for one in page]
    assert names == ["4.md", "3.md", "2.md", "1.md", "0.md"]


def test_what_an_ended_process_left_is_thrown_away_later(tmp_path: Path) -> None:
    left, fresh = incoming(tmp_path), incoming(tmp_path)
    old = fresh.stat().st_mtime - LEFT_BEHIND_S - 60
    os.utime(left, (old, old))
    incoming(tmp_path)
    assert (left.exists(), fresh.exists()) == (False, True)
