"""Open the store, write through it, and the fence that every write of a run stands behind."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Engine,
    Executable,
    Table,
    bindparam,
    inspect,
    literal,
    select,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncConnection

from fabula.errors import LeaseLost, StoreError
from fabula.settings import Settings
from fabula.store.database import Database, R, Work, database_url
from fabula.store.tables import REVISION, metadata, runs

PATIENCE_S = 5.0
"""How long a server that does not answer is asked again."""


@dataclass(frozen=True)
class Fence:
    """The right to write for a run: it holds while the run's row carries this epoch."""

    run: str
    epoch: int


class Store:
    """The database, and the artifact folder of one `FABULA_HOME`."""

    def __init__(self, database: Database, home: Path) -> None:
        self.database = database
        self.home = home

    @classmethod
    async def open(cls, settings: Settings, *, patience_s: float = PATIENCE_S) -> Store:
        """Open or create the database.

        Raises StoreError when the setting names no database or its schema is not this version's,
        and StoreUnavailable, here and in every method, when a server has not answered for
        `patience_s`.
        """
        url = database_url(settings.store_url)
        home = settings.home.resolve()
        await asyncio.to_thread(_make_folder, home)
        store = cls(_database(url, settings.lease_s, patience_s), home)
        try:
            await store.database.prepare(create_or_check)
        except BaseException:
            await store.close()
            raise
        return store

    async def close(self) -> None:
        """Commit what waits, then close every connection."""
        await self.database.close()

    async def read(
        self, statement: Executable, values: Mapping[str, Any] | None = None
    ) -> CursorResult[Any]:
        """Run one read, `values` for its bound names; the rows are fetched and buffered."""
        return await self.database.read(statement, values)

    async def write(self, work: Work[R]) -> R:
        """Run `work` in a write transaction, which other waiting work may share on SQLite.

        `work` awaits nothing but its own statements and may be run again from its start. The write
        ends whole though its caller is cancelled. A server that crashes while it commits may leave
        it unknown whether it did: StoreUnavailable then says `in_doubt`.
        """
        return await self.database.write(work)

    async def write_row(
        self, statement: Executable, values: Mapping[str, Any] | None = None
    ) -> int:
        """Run one writing statement as a transaction of its own; return how many rows it met.

        It must be one that changes nothing, and counts the same, when it is run again: it is
        where the server's answer got lost.
        """
        return await self.database.write_row(statement, values)


def lease_engine(url: str, lease_s: float) -> Engine:
    """Open the one connection of a lease's thread; each of its statements is a transaction."""
    parsed = database_url(url)
    if _is_postgres(parsed):
        from fabula.store import postgres

        return postgres.lease_engine(parsed, lease_s)
    from fabula.store import sqlite as file

    return file.lease_engine(parsed, lease_s)


def _database(url: URL, lease_s: float, patience_s: float) -> Database:
    if _is_postgres(url):
        from fabula.store.postgres import PostgresDatabase

        return PostgresDatabase(url, lease_s=lease_s, patience_s=patience_s)
    from fabula.store.sqlite import SqliteDatabase

    return SqliteDatabase(url)


def _is_postgres(url: URL) -> bool:
    return url.get_backend_name() == "postgresql"


def _make_folder(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"FABULA_HOME: {home} cannot be used: {error.strerror}; name a folder you may write",
            f"FABULA_HOME: {home} 폴더를 쓸 수 없습니다: {error.strerror}",
        ) from None


def create_or_check(connection: Connection) -> None:
    """Make the tables of a new database, bring an older one up, or refuse a newer one."""
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


def fenced_insert(store: Store, table: Table, values: dict[str, Any], fence: Fence) -> Any:
    """INSERT the row only while the fence holds: one statement, no gap for a takeover."""
    row = [
        (value if isinstance(value, ColumnElement) else literal(value, table.c[name].type)).label(
            name
        )
        for name, value in values.items()
    ]
    held = select(*row).where(runs.c.id == fence.run, runs.c.epoch == fence.epoch)
    return store.database.dialect.insert(table).from_select(
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
