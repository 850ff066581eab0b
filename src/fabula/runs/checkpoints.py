"""Where a graph stands: LangGraph's saver on a file of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fabula.gateway.faults import Hook, no_hook
from fabula.settings import Settings

if TYPE_CHECKING:
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver


@asynccontextmanager
async def open_saver(settings: Settings, hook: Hook = no_hook) -> AsyncIterator[AsyncSqliteSaver]:
    """Open the checkpoints of this home; `hook` is awaited after each stored checkpoint."""
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    writing: set[asyncio.Task[Any]] = set()

    class Saver(AsyncSqliteSaver):
        """A saver whose writes end whole, though LangGraph leaves them behind on an error.

        A write that was cancelled, or that ran on while its connection was closed, kept the file
        locked for every later run of the process.
        """

        async def aput(self, config: Any, *rest: Any, **named: Any) -> Any:
            stored = await self._whole(super().aput(config, *rest, **named))
            await hook("after_checkpoint", {"thread_id": config["configurable"]["thread_id"]})
            return stored

        async def aput_writes(self, *args: Any, **named: Any) -> None:
            await self._whole(super().aput_writes(*args, **named))

        async def _whole(self, write: Coroutine[Any, Any, Any]) -> Any:
            task = asyncio.create_task(write)
            writing.add(task)
            task.add_done_callback(writing.discard)
            return await asyncio.shield(task)

    home = settings.home.resolve()
    await asyncio.to_thread(lambda: home.mkdir(parents=True, exist_ok=True))
    async with Saver.from_conn_string(str(home / "checkpoints.db")) as saver:
        await saver.conn.execute("PRAGMA busy_timeout = 30000")
        await saver.setup()
        try:
            yield saver
        finally:
            # One turn of the loop lets the writes begin that LangGraph has only scheduled.
            await asyncio.sleep(0)
            while writing:
                await asyncio.wait(writing)
