"""PostgreSQL: one pool, each write a transaction of its own, and patience while it restarts."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import URL, Engine, Executable, create_engine
from sqlalchemy import text as sql
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import CursorResult
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import create_async_engine

from fabula.errors import MissingExtra, StoreUnavailable
from fabula.store.database import Check, R, Work

if TYPE_CHECKING:
    from psycopg import AsyncConnection as PlainConnection
    from psycopg_pool import AsyncConnectionPool

log = logging.getLogger("fabula.store")

APPLICATION = "fabula"
POOL_SIZE = 10
POOL_WAIT_S = 1.0
CONNECT_S = 5
SILENT_MS = 10_000
"""How long bytes may stay without an acknowledgement before the connection counts as dead."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 0.5
PREPARING_MS = 5_000
"""How long whoever makes the checkpoints' tables may pause between two statements."""
SCHEMA_LOCK = 0x66616273
"""The advisory lock of whoever makes or changes tables."""
_PASSING = ("08", "40", "53", "57P", "58", "55P03", "25P03")
"""SQL states that pass by themselves: connection, rolled back, resources, shutdown, system."""

# A crash throws the statistics away, so that their beginning tells one life of the server from the
# next; a restart in order keeps them.
_LIFE = "(SELECT CAST(stats_reset AS text) FROM pg_stat_wal)"
# Known only once something was written: what is read alone cannot be in doubt.
_NUMBER = sql(f"SELECT CAST(pg_current_xact_id_if_assigned() AS text) AS number, {_LIFE} AS life")
_STATUS = sql(f"SELECT pg_xact_status(CAST(:number AS xid8)) AS status, {_LIFE} AS life")
# Between the messages of a pipeline a session counts as active, so that the server's own timeouts
# of idle transactions never end it.
_END_STOPPED = sql(
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE application_name = :name AND datname = current_database() AND usename = current_user "
    "AND pid <> pg_backend_pid() AND wait_event = 'ClientRead' "
    "AND xact_start < clock_timestamp() - make_interval(secs => :idle_s)"
)
_FUTURE = "22023"
"""The SQL state for a transaction's number that has not been given out yet."""


class _Doubt(NamedTuple):
    """A transaction whose commit brought no answer, and the server's life that it was in."""

    number: str
    life: str | None


class PostgresDatabase:
    """A server, asked again for a while when it does not answer.

    Nothing is written twice: a transaction that failed before its commit is run again, and one
    whose commit brought no answer is looked up first. Where that cannot tell, it fails as in doubt.
    """

    dialect = postgresql

    def __init__(self, url: URL, *, lease_s: float, patience_s: float) -> None:
        _check_driver()
        self._url = url
        self._idle_s = _idle_s(lease_s)
        self._patience_s = patience_s
        self._connect = _connect_args(url, lease_s)
        self._engine = create_async_engine(
            url,
            pool_size=POOL_SIZE,
            max_overflow=0,
            pool_timeout=patience_s,
            connect_args=self._connect,
        )
        # One statement is one round trip, and its own transaction.
        self._plain = self._engine.execution_options(
            isolation_level="AUTOCOMMIT", preserve_rowcount=True
        )
        self._working: set[asyncio.Task[Any]] = set()
        self._pool: AsyncConnectionPool[PlainConnection[dict[str, Any]]] | None = None
        self._opening = asyncio.Lock()

    async def prepare(self, check: Check) -> None:
        async def once() -> None:
            async with self._engine.begin() as connection:
                # Of several processes that start at once one makes the tables, the others find
                # them. A transaction may wait here: nothing is built CONCURRENTLY below.
                await connection.execute(
                    sql("SELECT pg_advisory_xact_lock(:n)"), {"n": SCHEMA_LOCK}
                )
                await connection.run_sync(check)

        await self.patiently(once)

    async def close(self) -> None:
        while self._working:
            await asyncio.wait(self._working)
        if self._pool:
            await self._pool.close()
        await self._engine.dispose()

    async def read(
        self, statement: Executable, values: Mapping[str, Any] | None
    ) -> CursorResult[Any]:
        async def once() -> CursorResult[Any]:
            async with self._plain.connect() as connection:
                return await connection.execute(statement, values)

        return await self.patiently(once)

    async def write(self, work: Work[R]) -> R:
        return await self._whole(self._transaction(work))

    async def write_row(self, statement: Executable, values: Mapping[str, Any] | None) -> int:
        async def once() -> int:
            async with self._plain.connect() as connection:
                return int((await connection.execute(statement, values)).rowcount)

        return await self._whole(self.patiently(once))

    async def end_stopped(self) -> int:
        values = {"name": APPLICATION, "idle_s": self._idle_s}
        return int((await self.read(_END_STOPPED, values)).scalar_one())

    async def plain_pool(
        self, prepare: Callable[[PlainConnection[dict[str, Any]]], Awaitable[None]]
    ) -> AsyncConnectionPool[PlainConnection[dict[str, Any]]]:
        """Return the pool of plain psycopg connections that all jobs of this process share.

        `prepare` is run once with one of them, before the pool is given out, while no other
        process runs its own.
        """
        async with self._opening:
            if self._pool is None:
                pool = await self._open_pool()
                try:
                    await self.patiently(lambda: _prepare_alone(pool, prepare))
                except BaseException:
                    await pool.close()
                    raise
                self._pool = pool
        return self._pool

    async def patiently(self, once: Callable[[], Awaitable[R]]) -> R:
        """Do it again while what stops it may pass; StoreUnavailable when it did not."""
        until = time.monotonic() + self._patience_s
        pause = FIRST_PAUSE_S
        while True:
            try:
                return await once()
            except Exception as error:
                if not is_passing(error):
                    raise
                if self._pool:
                    # Its idle connections broke together: each would fail once more.
                    await self._pool.check()
                if time.monotonic() + pause > until:
                    raise self._unavailable(error) from error
                log.info("database away error=%s", type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    async def _transaction(self, work: Work[R]) -> R:
        while True:
            result, doubt = await self.patiently(partial(self._committed, work))
            if doubt is None or await self.patiently(partial(self._stands, doubt)):
                return result

    async def _committed(self, work: Work[R]) -> tuple[R, _Doubt | None]:
        """Run the work and commit; say where the commit is in doubt.

        Whatever is raised was raised before the commit: nothing was written.
        """
        async with self._engine.connect() as connection:
            await connection.begin()
            result = await work(connection)
            row = (await connection.execute(_NUMBER)).one()
            try:
                await connection.commit()
            except DBAPIError as error:
                if not is_passing(error):
                    raise
                log.warning("commit in doubt error=%s", type(error.orig).__name__)
                return result, _Doubt(row.number, row.life) if row.number else None
        return result, None

    async def _stands(self, doubt: _Doubt) -> bool:
        """Say whether the transaction was committed; StoreUnavailable where nobody can know."""
        try:
            async with self._plain.connect() as connection:
                row = (await connection.execute(_STATUS, {"number": doubt.number})).one()
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != _FUTURE:
                raise
            return False
        same_life = row.life == doubt.life
        if row.status == "in progress" and same_life:
            raise _StillOpen
        # A number that a crash erased is given out again: "committed" may then be another's. Any
        # other answer holds, since a commit of ours on disk would have kept the number ours.
        if row.status is None or (row.status == "committed" and not same_life):
            raise StoreUnavailable(
                "the database crashed while it committed: whether this was written is not known",
                "데이터베이스가 기록 중에 멈춰 기록되었는지 알 수 없습니다",
                in_doubt=True,
            )
        return bool(row.status == "committed")

    async def _whole(self, writing: Coroutine[Any, Any, R]) -> R:
        # A caller that is cancelled leaves its write to end, as it does on SQLite.
        task = asyncio.create_task(writing)
        self._working.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._working.discard(task)
        if not task.cancelled():
            task.exception()

    async def _open_pool(self) -> AsyncConnectionPool[PlainConnection[dict[str, Any]]]:
        from psycopg import AsyncConnection as PlainConnection
        from psycopg.rows import dict_row
        from psycopg_pool import AsyncConnectionPool

        pool = AsyncConnectionPool(
            conninfo_of(self._url),
            connection_class=PlainConnection[dict[str, Any]],
            min_size=0,
            max_size=POOL_SIZE,
            # It gives up at once on a server that is away, and is asked again by `patiently`: its
            # own waiting grows, and would go on when the server is back.
            timeout=POOL_WAIT_S,
            reconnect_timeout=POOL_WAIT_S / 2,
            open=False,
            kwargs={
                **self._connect,
                "autocommit": True,
                "prepare_threshold": 0,
                "row_factory": dict_row,
            },
        )
        await pool.open()
        return pool

    def _unavailable(self, error: Exception) -> StoreUnavailable:
        cause = getattr(error, "orig", None) or error
        where = f"{self._url.host or 'localhost'}:{self._url.port or 5432}"
        said = (str(cause) or type(cause).__name__).splitlines()[0]
        return StoreUnavailable(
            f"the database at {where} does not answer ({said}): try again in a moment",
            f"{where} 데이터베이스가 응답하지 않습니다. 잠시 뒤 다시 시도하세요",
        )


class _StillOpen(Exception):
    """The server has not noticed yet that the connection of a transaction is gone."""


def is_passing(error: BaseException) -> bool:
    """Say whether the same thing may succeed a moment later, nothing of it having been done."""
    import psycopg

    if isinstance(error, _StillOpen | PoolTimeout | OSError):
        return True
    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return True
        error = error.orig or error
    if not isinstance(error, psycopg.Error):
        return False
    if error.sqlstate is None:
        # No answer of the server at all: the connection itself.
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return error.sqlstate.startswith(_PASSING) and error.sqlstate != "57P04"


def lease_engine(url: URL, lease_s: float) -> Engine:
    """Open one connection for a lease's own thread, each statement a transaction."""
    _check_driver()
    # A renewal that waits longer than the lease is worth nothing.
    arguments = _connect_args(url, lease_s, f"-c statement_timeout={int(lease_s * 1000)}")
    return create_engine(
        url,
        isolation_level="AUTOCOMMIT",
        pool_size=1,
        max_overflow=0,
        connect_args={**arguments, "tcp_user_timeout": int(lease_s * 1000)},
    )


def conninfo_of(url: URL) -> str:
    """Return the URL as psycopg itself takes it."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


async def _prepare_alone(
    pool: AsyncConnectionPool[PlainConnection[dict[str, Any]]],
    prepare: Callable[[PlainConnection[dict[str, Any]]], Awaitable[None]],
) -> None:
    import psycopg

    lock = b"SELECT pg_try_advisory_lock(%s) AS taken"
    async with pool.connection() as connection:
        # The lock is the session's: a process that is stopped while it has it must lose both.
        await connection.execute(f"SET idle_session_timeout = {PREPARING_MS}".encode())
        # Asked for again and again, never waited for: an index that is built CONCURRENTLY waits
        # for every open statement of the database, one that waits for the builder's lock included.
        while True:
            taken = await (await connection.execute(lock, (SCHEMA_LOCK,))).fetchone()
            if taken and taken["taken"]:
                break
            await asyncio.sleep(FIRST_PAUSE_S)
        try:
            await prepare(connection)
        finally:
            # A connection that broke has given the lock back, and must not hide why this ends.
            with contextlib.suppress(psycopg.Error):
                await connection.execute(b"SELECT pg_advisory_unlock(%s)", (SCHEMA_LOCK,))
                await connection.execute(b"RESET idle_session_timeout")


def _connect_args(url: URL, lease_s: float, *options: str) -> dict[str, Any]:
    # A process that was stopped inside a transaction would keep its run's row, and with it the run,
    # from whoever takes over. What this does not see, `end_stopped` does.
    idle = f"-c idle_in_transaction_session_timeout={int(_idle_s(lease_s) * 1000)}"
    own = url.query.get("options", ())
    given = (own,) if isinstance(own, str) else own
    return {
        "options": " ".join([*given, idle, *options]),
        "connect_timeout": CONNECT_S,
        "tcp_user_timeout": SILENT_MS,
        "application_name": APPLICATION,
    }


def _idle_s(lease_s: float) -> float:
    """Return how long a transaction may wait for its own process."""
    return lease_s * 2 / 3


def _check_driver() -> None:
    try:
        import psycopg  # noqa: F401 - only whether it, and the library it stands on, is there
    except ImportError:
        raise MissingExtra("FABULA_DATABASE_URL", "postgres") from None
