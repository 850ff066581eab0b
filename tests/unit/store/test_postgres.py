"""What only a server can do wrong: locks, sleepers, lost answers, restarts."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fabula.documents import Document
from fabula.errors import LeaseLost, MissingExtra, StoreUnavailable
from fabula.settings import Settings
from fabula.store.documents import StoredDocuments
from fabula.store.engine import Fence, Store, hold
from fabula.store.events import Event, append_events, list_events
from fabula.store.postgres import _NUMBER, PostgresDatabase, _Doubt
from fabula.store.runs import NewRun, get_run, insert_run, take_run
from fabula.store.tables import REVISION, documents, runs
from fabula.testing.proxy import Proxy, Verdict
from fabula.testing.servers import PostgresServer

MakeRun = Callable[..., Awaitable[Fence]]
LEASE_S = 0.9


class Note(Document):
    text: str


@pytest.fixture
def settings(tmp_path: Path, postgres_url: str) -> Settings:
    return Settings(home=tmp_path / "home", database_url=postgres_url, lease_s=LEASE_S)


@pytest.fixture
async def other(settings: Settings, store: Store) -> AsyncIterator[Store]:
    """Open the same database as another process would."""
    opened = await Store.open(settings)
    yield opened
    await opened.close()


async def count_of(store: Store, run: str) -> int:
    query = select(func.count()).select_from(documents).where(documents.c.run == run)
    return int((await store.read(query)).scalar_one())


async def test_processes_that_start_at_once_make_the_tables_once(
    tmp_path: Path, bare_postgres_url: str
) -> None:
    settings = Settings(home=tmp_path, database_url=bare_postgres_url)
    stores = await asyncio.gather(*(Store.open(settings) for _ in range(6)))
    found = await stores[0].read(text("SELECT version_num FROM alembic_version"))
    assert [row.version_num for row in found] == [REVISION]
    await asyncio.gather(*(store.close() for store in stores))


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "postgres"])
async def test_a_server_is_named_by_each_usual_scheme(
    tmp_path: Path, postgres_url: str, scheme: str
) -> None:
    url = postgres_url.replace("postgresql", scheme, 1)
    store = await Store.open(Settings(home=tmp_path, database_url=url))
    assert (await store.read(select(func.count()).select_from(runs))).scalar_one() == 0
    await store.close()


async def test_a_missing_driver_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtra, match=r"pip install 'fabula\[postgres\]'"):
        await Store.open(Settings(home=tmp_path, database_url="postgresql://u@127.0.0.1/d"))


async def test_a_server_that_is_away_is_named_without_the_password(tmp_path: Path) -> None:
    url = "postgresql://u:geheim@127.0.0.1:1/d"
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:1 does not answer") as caught:
        await Store.open(Settings(home=tmp_path, database_url=url), patience_s=0.1)
    assert "geheim" not in f"{caught.value.en}{caught.value.ko}{caught.value.__cause__}"
    assert caught.value.retry_after_s > 0


async def test_a_takeover_under_way_refuses_the_write_that_waits_for_it(
    store: Store, other: Store, make_run: MakeRun
) -> None:
    former = await make_run(lease_s=0.0)
    entered, commit = asyncio.Event(), asyncio.Event()

    async def take_slowly(connection: AsyncConnection) -> None:
        mine = update(runs).where(runs.c.id == "r1")
        await connection.execute(mine.values(epoch=former.epoch + 1))
        entered.set()
        await commit.wait()

    taking = asyncio.create_task(other.write(take_slowly))
    await entered.wait()
    late = asyncio.create_task(StoredDocuments(store, former).put(Note(text="late")))
    try:
        # A snapshot from before the takeover alone would let it through at once.
        done, _ = await asyncio.wait([late], timeout=0.2)
    finally:
        commit.set()
        await taking
    assert not done
    with pytest.raises(LeaseLost):
        await late
    assert await count_of(store, "r1") == 1


async def test_a_sleeper_inside_a_transaction_is_ended_and_its_late_write_refused(
    store: Store, other: Store, make_run: MakeRun
) -> None:
    fence = await make_run(lease_s=LEASE_S / 3)
    asleep, awake = asyncio.Event(), asyncio.Event()

    async def sleep_in_it(connection: AsyncConnection) -> None:
        await hold(connection, fence)
        asleep.set()
        await awake.wait()
        await connection.execute(update(runs).where(runs.c.id == "r1").values(outcome="sleeper"))

    sleeping = asyncio.create_task(store.write(sleep_in_it))
    await asleep.wait()
    began = time.monotonic()
    try:
        async with asyncio.timeout(10):
            while await take_run(other, "r1", worker="you", lease_s=3) is None:  # noqa: ASYNC110 - a row
                await asyncio.sleep(0.02)
    finally:
        awake.set()
    assert time.monotonic() - began < LEASE_S + 0.5
    with pytest.raises(LeaseLost):
        await sleeping
    row = await get_run(other, "r1")
    assert (row.epoch, row.outcome) == (2, None)


async def test_writes_of_one_run_do_not_lock_each_other_out(
    store: Store, other: Store, make_run: MakeRun, postgres_server: PostgresServer
) -> None:
    fence = await make_run(lease_s=30)
    before = len(postgres_server.log())

    async def end_and_begin(connection: AsyncConnection) -> None:
        await hold(connection, fence)
        await connection.execute(update(runs).where(runs.c.id == "r1").values(part=runs.c.part + 1))

    async def events_of(number: int) -> None:
        await append_events(store, fence, [Event("cost")], after=number)

    rounds = range(30)
    await asyncio.gather(
        *(StoredDocuments(store, fence).put(Note(text=str(number))) for number in rounds),
        *(one.write(end_and_begin) for _ in rounds for one in (store, other)),
        *(events_of(number) for number in rounds),
    )
    assert (await get_run(store, "r1")).part == 1 + 2 * len(rounds)
    assert await count_of(store, "r1") == 1 + len(rounds)
    assert "deadlock detected" not in postgres_server.log()[before:]


async def test_a_deadlock_is_rolled_back_and_tried_again(
    store: Store, make_run: MakeRun, postgres_server: PostgresServer
) -> None:
    await make_run(lease_s=30)
    before = len(postgres_server.log())
    both = asyncio.Barrier(2)
    tried: list[int] = []

    def share_then_update(number: int) -> Callable[[AsyncConnection], Awaitable[None]]:
        async def write(connection: AsyncConnection) -> None:
            tried.append(number)
            mine = runs.c.id == "r1"
            await connection.execute(select(runs).where(mine).with_for_update(read=True))
            if tried.count(number) == 1:
                await both.wait()
            await connection.execute(update(runs).where(mine).values(part=runs.c.part + 1))

        return write

    await asyncio.gather(*(store.write(share_then_update(number)) for number in range(2)))
    assert "deadlock detected" in postgres_server.log()[before:]
    assert (await get_run(store, "r1")).part == 3
    assert len(tried) == 3


@pytest.mark.parametrize(("verdict", "runs_of_work"), [("cut_after", 1), ("cut_before", 2)])
async def test_a_commit_without_an_answer_is_looked_up_and_done_once(
    tmp_path: Path, postgres_server: PostgresServer, postgres_url: str, verdict: Verdict,
    runs_of_work: int,
) -> None:  # fmt: skip
    cuts: list[Verdict] = []

    def judge(data: bytes) -> Verdict:
        return cuts.pop() if b"COMMIT" in data and cuts else "pass"

    async with Proxy(postgres_server.port, judge) as proxy:
        url = postgres_url.replace(f":{postgres_server.port}/", f":{proxy.port}/")
        store = await Store.open(Settings(home=tmp_path, database_url=url))
        fence = Fence("r1", await insert_run(store, NEW, Note(text="brief"), "me", 30))
        ran = 0

        async def next_part(connection: AsyncConnection) -> str:
            nonlocal ran
            ran += 1
            await hold(connection, fence)
            await connection.execute(update(runs).values(part=runs.c.part + 1))
            return f"done {ran}"

        cuts.append(verdict)
        assert await store.write(next_part) == f"done {runs_of_work}"
        assert cuts == []
        assert ((await get_run(store, "r1")).part, ran) == (2, runs_of_work)
        await store.close()


async def test_a_number_that_a_crash_may_have_given_away_proves_nothing(
    store: Store, make_run: MakeRun
) -> None:
    await make_run()
    assert isinstance(store.database, PostgresDatabase)
    number, life = await store.write(_number_and_life)
    stands = store.database._stands
    assert await stands(_Doubt(number, life))
    with pytest.raises(StoreUnavailable, match="not known") as caught:
        await stands(_Doubt(number, "another life"))
    assert caught.value.in_doubt
    # Not given out yet: a commit on disk would have kept it from being given out at all.
    assert not await stands(_Doubt(str(int(number) + 1_000_000), "another life"))


async def _number_and_life(connection: AsyncConnection) -> tuple[str, str]:
    await connection.execute(update(runs).values(part=2))
    row = (await connection.execute(_NUMBER)).one()
    return str(row.number), str(row.life)


async def test_a_write_ends_whole_though_its_caller_is_cancelled(
    store: Store, make_run: MakeRun
) -> None:
    fence = await make_run(lease_s=30)
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def slow(connection: AsyncConnection) -> None:
        await hold(connection, fence)
        entered.set()
        await go_on.wait()
        await connection.execute(update(runs).values(part=7))

    writing = asyncio.create_task(store.write(slow))
    await entered.wait()
    writing.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await writing
    async with asyncio.timeout(5):
        while (await get_run(store, "r1")).part != 7:  # noqa: ASYNC110 - a row
            await asyncio.sleep(0.01)


async def test_writes_go_on_over_restarts_and_crashes_of_the_server(tmp_path: Path) -> None:
    with PostgresServer() as server:
        url = server.create_database("d")
        store = await Store.open(Settings(home=tmp_path, database_url=url))
        fence = Fence("r1", await insert_run(store, NEW, Note(text="brief"), "me", 60))
        stop = asyncio.Event()
        written: list[str] = []
        unknown: list[int] = []

        async def keep_writing(writer: int) -> None:
            number = 0
            while not stop.is_set():
                note = Note(text=f"{writer}/{number}")
                written.append(await StoredDocuments(store, fence).put(note))
                try:
                    await store.write(count_up)
                except StoreUnavailable as error:
                    if not error.in_doubt:
                        raise
                    unknown.append(number)
                number += 1

        async def count_up(connection: AsyncConnection) -> None:
            await hold(connection, fence)
            await connection.execute(update(runs).values(part=runs.c.part + 1))

        writers = [asyncio.create_task(keep_writing(writer)) for writer in range(4)]
        for crash in (False, True, True):
            goal = len(written) + 40
            while len(written) < goal:  # noqa: ASYNC110 - a count
                await asyncio.sleep(0.01)
            if crash:
                await asyncio.to_thread(server.kill)
                await asyncio.to_thread(server.start)
            else:
                await asyncio.to_thread(server.restart)
        stop.set()
        await asyncio.gather(*writers)
        counted = (await get_run(store, "r1")).part - 1
        assert len(written) - len(unknown) <= counted <= len(written)
        assert await count_of(store, "r1") == 1 + len(set(written))
        await store.close()


async def test_a_server_that_stays_away_is_unavailable_and_then_serves_again(
    tmp_path: Path,
) -> None:
    with PostgresServer() as server:
        url = server.create_database("d")
        store = await Store.open(Settings(home=tmp_path, database_url=url), patience_s=0.3)
        fence = Fence("r1", await insert_run(store, NEW, Note(text="brief"), "me", 60))
        await asyncio.to_thread(server.stop)
        with pytest.raises(StoreUnavailable):
            await get_run(store, "r1")
        with pytest.raises(StoreUnavailable):
            await append_events(store, fence, [Event("a")], after=0)
        await asyncio.to_thread(server.start)
        await append_events(store, fence, [Event("b")], after=0)
        assert [event.type for event in await list_events(store, "r1")] == ["b"]
        await store.close()


NEW = NewRun(
    id="r1",
    project="p",
    product="magazine",
    door="library",
    flags={},
    replaced=(),
    profile="offline",
    out="out",
    budget=None,
    timeout_s=None,
)


async def test_a_process_that_sleeps_while_it_makes_tables_keeps_nobody_waiting(
    store: Store, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fabula.store.postgres.PREPARING_MS", 300)
    asleep, made = asyncio.Event(), list[str]()

    async def falls_asleep(connection: Any) -> None:
        asleep.set()
        await asyncio.sleep(60)

    async def makes(connection: Any) -> None:
        made.append("tables")

    assert isinstance(store.database, PostgresDatabase)
    assert isinstance(other.database, PostgresDatabase)
    sleeping = asyncio.create_task(store.database.plain_pool(falls_asleep))
    await asleep.wait()
    async with asyncio.timeout(10):
        await other.database.plain_pool(makes)
    sleeping.cancel()
    await asyncio.wait([sleeping])
    assert made == ["tables"]
