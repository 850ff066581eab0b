from __future__ import annotations

import errno
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError

from fabula.errors import DiskFull, LeaseLost
from fabula.runs.ends import end_of, patiently
from fabula.store.documents import StoredArtifacts, write_whole
from fabula.store.engine import Store
from fabula.store.runs import get_run
from fabula.store.tables import runs
from tests.unit.store.conftest import MakeRun

TYPE = "text/plain"


@contextmanager
def no_room() -> Iterator[None]:
    """Let this process write no byte more into any file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_the_same_bytes_put_again_write_no_row(store: Store, make_run: MakeRun) -> None:
    port = StoredArtifacts(store, await make_run())
    await port.put("a.txt", b"one", TYPE)
    # Whoever writes the row now meets the table's new rule.
    await _freeze(store)
    await port.put("a.txt", b"one", TYPE)
    with pytest.raises(DBAPIError):
        await port.put("a.txt", b"two", TYPE)


_FROZEN = """
CREATE FUNCTION frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'frozen'; END $$
"""
_ON_UPDATE = "CREATE TRIGGER frozen BEFORE UPDATE ON artifacts"


async def _freeze(store: Store) -> None:
    if store.database.dialect is sqlite:
        await store.write_row(text(f"{_ON_UPDATE} BEGIN SELECT RAISE(ABORT, 'frozen'); END"))
        return
    await store.write_row(text(_FROZEN))
    await store.write_row(text(f"{_ON_UPDATE} FOR EACH ROW EXECUTE FUNCTION frozen()"))


async def test_an_artifact_put_again_is_the_same_and_other_bytes_replace_it(
    store: Store, make_run: MakeRun
) -> None:
    port = StoredArtifacts(store, await make_run())
    first = await port.put("a.txt", b"one", TYPE)
    assert await port.put("a.txt", b"one", TYPE) == first
    second = await port.put("a.txt", b"two", TYPE)
    assert [one.hash for one in await port.list()] == [second.hash]
    assert second.hash != first.hash


async def test_the_same_bytes_under_a_fence_that_fell_are_refused(
    store: Store, make_run: MakeRun
) -> None:
    fence = await make_run()
    port = StoredArtifacts(store, fence)
    await port.put("a.txt", b"one", TYPE)
    await store.write_row(update(runs).where(runs.c.id == fence.run).values(epoch=9))
    with pytest.raises(LeaseLost):
        await port.put("a.txt", b"one", TYPE)


async def test_a_file_that_finds_no_room_leaves_nothing_and_lets_the_run_rest(
    store: Store, make_run: MakeRun, tmp_path: Path
) -> None:
    fence = await make_run()
    with no_room(), pytest.raises(DiskFull) as caught:
        write_whole(tmp_path / "kept" / "a.txt", b"bytes")
    assert list((tmp_path / "kept").iterdir()) == []
    end = patiently(end_of(caught.value), await get_run(store, fence.run))
    assert (end.status, end.code, end.wait_s) == ("queued", "disk_full", 60.0)
    assert "a.txt" in end.reason["en"]


def test_another_error_of_a_disk_is_told_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="Not a directory") as caught:
        write_whole(tmp_path / "file" / "a.txt", b"bytes")
    assert caught.value.errno == errno.ENOTDIR
