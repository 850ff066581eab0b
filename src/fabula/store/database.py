"""What the store asks of a database, and which one an URL names."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeVar

from sqlalchemy import URL, Connection, Executable, make_url
from sqlalchemy.engine import CursorResult
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection

from fabula.errors import StoreError

R = TypeVar("R")
Work = Callable[[AsyncConnection], Awaitable[R]]
Check = Callable[[Connection], None]
"""Makes a new database's tables, or refuses one of another schema."""

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}


class Database(Protocol):
    """One database of one process; `Store` says what its methods promise."""

    @property
    def dialect(self) -> Any:
        """The SQLAlchemy dialect's package, whose `insert` knows ON CONFLICT."""
        ...

    async def prepare(self, check: Check) -> None:
        """Run `check` in a transaction that no other process's can run beside."""
        ...

    async def read(
        self, statement: Executable, values: Mapping[str, Any] | None
    ) -> CursorResult[Any]: ...

    async def write(self, work: Work[R]) -> R: ...

    async def write_row(self, statement: Executable, values: Mapping[str, Any] | None) -> int: ...

    async def end_stopped(self) -> int:
        """End the sessions of processes that were stopped inside a transaction; count them."""
        ...

    async def close(self) -> None: ...


def database_url(url: str) -> URL:
    """Read the setting; StoreError where it names no database that fabula can use."""
    scheme = url.partition(":")[0]
    try:
        made = make_url(url)
    except (ArgumentError, ValueError):
        raise _unusable("it is not a URL") from None
    if made.drivername not in _DRIVERS:
        raise _unusable(f"{scheme} is not supported")
    return made.set(drivername=_DRIVERS[made.drivername])


def _unusable(why: str) -> StoreError:
    # Never the URL itself: it may carry a password.
    return StoreError(
        f"FABULA_DATABASE_URL: {why}; leave it unset for SQLite in FABULA_HOME (or name a file: "
        "sqlite+aiosqlite:////path/fabula.db), or name a server: postgresql://user@host/database",
        "FABULA_DATABASE_URL: 지원하지 않는 데이터베이스입니다. 비워 두면 SQLite를 쓰고, "
        "서버는 postgresql://user@host/database 로 적습니다",
    )
