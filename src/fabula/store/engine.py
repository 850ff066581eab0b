"""Open the database: two engines on one SQLite file, one writer that commits in groups."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Executable, Table, bindparam, event, inspect, literal, select
from sqlalchemy import text as sql
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from fabula.errors import LeaseLost, StoreError
from fabula.settings import Settings
from fabula.store.tables import REVISION, metadata, runs

R = TypeVar("R")
Work = Callable[[AsyncConnection], Awaitable[R]]
BUSY_TIMEOUT_MS = 30_000


@dataclass(frozen=True)
class Fence:
    """The right to write for a run: it holds while the run's row carries this epoch."""

    run: str
    epoch: int


class Store:
    """The database and the artifact folder of one `FABULA_HOME`."""

    def __init__(self, reader: AsyncEngine, writer: AsyncEngine, home: Path) -> None:
        self._reader = reader
        self._engine = writer
        self.home = home
        self._waiting: list[tuple[Work[Any], asyncio.Future[Any]]] = []
        self._committing: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, settings: Settings) -> Store:
        """Open or create the database; StoreError when its schema is not this version's."""
        url = settings.store_url
        if not url.startswith("sqlite+aiosqlite:"):
            raise StoreError(
                f"FABULA_DATABASE_URL: {url.split(':', 1)[0]} is not supported; leave it unset "
                "or name a file: sqlite+aiosqlite:////path/fabula.db",
                "FABULA_DATABASE_URL: 지원하지 않는 데이터베이스입니다. 비워 두면 SQLite를 씁니다",
            )
        home = settings.home.resolve()
        await asyncio.to_thread(_make_folder, home)
        store = cls(_sqlite(url, writes=False), _sqlite(url, writes=True), home)
        try:
            async with store._engine.begin() as connection:
                await connection.run_sync(_create_or_check)
        except BaseException:
            await store.close()
            raise
        return store

    async def close(self) -> None:
        """Commit what waits, then close both engines."""
        while self._committing:
            await asyncio.wait([self._committing])
        await self._reader.dispose()
        await self._engine.dispose()

    async def read(
        self, statement: Executable, values: Mapping[str, Any] | None = None
    ) -> CursorResult[Any]:
        """Run one read, `values` for its bound names; the rows are fetched and buffered."""
        async with self._reader.connect() as connection:
            return await connection.execute(statement, values)

    async def write(self, work: Work[R]) -> R:
        """Run `work` in a write transaction that may be shared with other waiting work.

        `work` awaits nothing but its own statements and may be run again from its start.
        """
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, future))
        if not self._committing:
            self._committing = asyncio.create_task(self._commit_groups())
        return await future

    async def _commit_groups(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting, []
                await self._commit(group)
        finally:
            self._committing = None

    async def _commit(self, group: list[tuple[Work[Any], asyncio.Future[Any]]]) -> None:
        try:
            async with self._engine.begin() as connection:
                results = [await work(connection) for work, _ in group]
        except Exception as error:  # noqa: BLE001 - handed to the caller whose work failed
            if len(group) > 1:
                for one in group:
                    await self._commit([one])
            elif not group[0][1].done():
                group[0][1].set_exception(error)
            return
        for (_, future), result in zip(group, results, strict=True):
            if not future.done():
                future.set_result(result)


def _make_folder(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"FABULA_HOME: {home} cannot be used: {error.strerror}; name a folder you may write",
            f"FABULA_HOME: {home} 폴더를 쓸 수 없습니다: {error.strerror}",
        ) from None


def _sqlite(url: str, *, writes: bool) -> AsyncEngine:
    engine = create_async_engine(url)

    @event.listens_for(engine.sync_engine, "connect")
    def _connect(connection: Any, record: Any) -> None:  # noqa: ARG001
        # The driver's own implicit BEGIN is DEFERRED: a later write would fail as locked.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout = {BUSY_TIMEOUT_MS}",
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Any) -> None:
        if writes:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _create_or_check(connection: Any) -> None:
    if inspect(connection).has_table("alembic_version"):
        found = connection.execute(sql("SELECT version_num FROM alembic_version")).scalar()
        if found != REVISION:
            from fabula.store.migrations import upgrade

            found = upgrade(connection, str(found))
        if found != REVISION:
            raise StoreError(
                f"the database is at schema {found}, this version of fabula uses {REVISION}: "
                "use the fabula that made it, or another FABULA_HOME",
                f"데이터베이스 스키마가 {found}입니다. 이 fabula는 {REVISION}을 씁니다",
            )
        return
    metadata.create_all(connection)
    connection.execute(sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
    connection.execute(sql("INSERT INTO alembic_version VALUES (:v)"), {"v": REVISION})


def insert_into(connection: AsyncConnection, table: Table) -> Any:
    """Return the dialect's INSERT, which knows ON CONFLICT."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    return dialect.insert(table)


def fenced_insert(
    connection: AsyncConnection, table: Table, values: dict[str, Any], fence: Fence
) -> Any:
    """INSERT the row only while the fence holds: one statement, no gap for a takeover."""
    row = [
        (value if isinstance(value, ColumnElement) else literal(value, table.c[name].type)).label(
            name
        )
        for name, value in values.items()
    ]
    held = select(*row).where(runs.c.id == fence.run, runs.c.epoch == fence.epoch)
    return insert_into(connection, table).from_select(
        list(values), held.with_for_update(read=True, of=runs)
    )


# Built once: making a statement anew costs more than running it.
_HELD = (
    select(runs)
    .where(runs.c.id == bindparam("of_run"), runs.c.epoch == bindparam("of_epoch"))
    .with_for_update(key_share=True)
)


async def hold(connection: AsyncConnection, fence: Fence) -> Any:
    """Lock the run's row for a fenced transaction and return it; LeaseLost when it moved on."""
    values = {"of_run": fence.run, "of_epoch": fence.epoch}
    row = (await connection.execute(_HELD, values)).one_or_none()
    if row is None:
        raise lease_lost(fence)
    return row


def lease_lost(fence: Fence) -> LeaseLost:
    return LeaseLost(
        f"run {fence.run} has been taken over (epoch {fence.epoch} is past): nothing was written",
        f"실행 {fence.run}을 다른 프로세스가 이어받았습니다",
    )
