"""Where a graph stands: LangGraph's saver, on a file of its own or in the store's server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from fabula.gateway.faults import Hook, no_hook
from fabula.store.engine import Store
from fabula.store.sqlite import SqliteDatabase

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

    from fabula.store.postgres import PostgresDatabase


class _WholeWrites:
    """A saver whose writes end whole, though LangGraph leaves them behind on an error.

    A write that was cancelled, or that ran on while its connection was closed, kept the file
    locked for every later run of the process. `hook` is awaited after each stored checkpoint.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.hook: Hook = no_hook
        self._writing: set[asyncio.Future[Any]] = set()

    async def aput(self, config: Any, *rest: Any, **named: Any) -> Any:
        own: Any = super()
        stored = await self._whole(partial(own.aput, config, *rest, **named))
        await self.hook("after_checkpoint", {"thread_id": config["configurable"]["thread_id"]})
        return stored

    async def aput_writes(self, *args: Any, **named: Any) -> None:
        own: Any = super()
        await self._whole(partial(own.aput_writes, *args, **named))

    async def settle(self) -> None:
        """Wait for every write that LangGraph has left behind."""
        # One turn of the loop lets the writes begin that it has only scheduled.
        await asyncio.sleep(0)
        while self._writing:
            await asyncio.wait(self._writing)

    async def _whole(self, write: Callable[[], Awaitable[Any]]) -> Any:
        task = asyncio.ensure_future(self._attempt(write))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        return await asyncio.shield(task)

    async def _attempt(self, write: Callable[[], Awaitable[Any]]) -> Any:
        return await write()


@asynccontextmanager
async def open_saver(store: Store, hook: Hook = no_hook) -> AsyncIterator[BaseCheckpointSaver[Any]]:
    """Open the checkpoints that belong to this store, for one run.

    `hook` is awaited after each stored checkpoint.
    """
    database = store.database
    if isinstance(database, SqliteDatabase):
        async with _in_file(store, hook) as saver:
            yield saver
        return
    from fabula.store.postgres import PostgresDatabase

    assert isinstance(database, PostgresDatabase)  # noqa: S101 - there are two
    async with _in_server(database, hook) as saver:
        yield saver


async def prepare_checkpoints(store: Store) -> None:
    """Make the checkpoints' tables and open what holds them, before any lease ticks."""
    async with open_saver(store):
        return


@asynccontextmanager
async def _in_file(store: Store, hook: Hook) -> AsyncIterator[BaseCheckpointSaver[Any]]:
    import aiosqlite
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    class Saver(_WholeWrites, AsyncSqliteSaver):
        pass

    async with aiosqlite.connect(store.home / "checkpoints.db") as connection:
        saver = Saver(connection)
        saver.hook = hook
        await connection.execute("PRAGMA busy_timeout = 30000")
        await saver.setup()
        try:
            yield saver
        finally:
            await saver.settle()


@asynccontextmanager
async def _in_server(
    database: PostgresDatabase, hook: Hook
) -> AsyncIterator[BaseCheckpointSaver[Any]]:
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

    class Saver(_WholeWrites, AsyncPostgresSaver):
        """A saver of one run on the pool of all: each of its calls may be made again.

        What it writes is keyed by thread, checkpoint and task, and replaces itself.
        """

        async def aget_tuple(self, config: Any) -> Any:
            return await self._attempt(partial(super().aget_tuple, config))

        async def adelete_thread(self, thread_id: str) -> None:
            await self._attempt(partial(super().adelete_thread, thread_id))

        async def _attempt(self, write: Callable[[], Awaitable[Any]]) -> Any:
            return await database.patiently(write)

    async def set_up(connection: Any) -> None:
        await AsyncPostgresSaver(connection).setup()

    saver = Saver(await database.plain_pool(set_up))
    saver.hook = hook
    try:
        yield saver
    finally:
        await saver.settle()
