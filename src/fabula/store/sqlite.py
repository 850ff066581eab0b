"""SQLite: two engines on one file, one writer that commits in groups."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from sqlalchemy import URL, Engine, Executable, create_engine, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from fabula.store.database import Check, R, Work

BUSY_TIMEOUT_MS = 30_000


class SqliteDatabase:
    """A file, read while one transaction at a time writes to it."""

    dialect = sqlite

    def __init__(self, url: URL) -> None:
        self._reader = _engine(url, writes=False)
        self._writer = _engine(url, writes=True)
        self._waiting: list[tuple[Work[Any], asyncio.Future[Any]]] = []
        self._committing: asyncio.Task[None] | None = None

    async def prepare(self, check: Check) -> None:
        async with self._writer.begin() as connection:
            await connection.run_sync(check)

    async def end_stopped(self) -> int:
        # The file's lock is the stopped process's own: nobody else can take it away.
        return 0

    async def close(self) -> None:
        while self._committing:
            await asyncio.wait([self._committing])
        await self._reader.dispose()
        await self._writer.dispose()

    async def read(
        self, statement: Executable, values: Mapping[str, Any] | None
    ) -> CursorResult[Any]:
        async with self._reader.connect() as connection:
            return await connection.execute(statement, values)

    async def write(self, work: Work[R]) -> R:
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, future))
        if not self._committing:
            self._committing = asyncio.create_task(self._commit_groups())
        return await future

    async def write_row(self, statement: Executable, values: Mapping[str, Any] | None) -> int:
        return await self.write(lambda connection: _rowcount(connection.execute(statement, values)))

    async def _commit_groups(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting, []
                await self._commit(group)
        finally:
            self._committing = None

    async def _commit(self, group: list[tuple[Work[Any], asyncio.Future[Any]]]) -> None:
        try:
            async with self._writer.begin() as connection:
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


def lease_engine(url: URL, lease_s: float) -> Engine:
    """Open the file for a lease's own thread, each statement a transaction."""
    engine = create_engine(
        url.set(drivername="sqlite"), isolation_level="AUTOCOMMIT", pool_size=1, max_overflow=0
    )

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, record: Any) -> None:  # noqa: ARG001
        # A renewal that waits longer than the lease is worth nothing.
        connection.execute(f"PRAGMA busy_timeout = {int(lease_s * 1000)}")

    return engine


async def _rowcount(executing: Any) -> int:
    return int((await executing).rowcount)


def _engine(url: URL, *, writes: bool) -> AsyncEngine:
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
