"""Where a graph stands: LangGraph's saver on a file of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
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

    class Saver(AsyncSqliteSaver):
        async def aput(self, config: Any, *rest: Any, **named: Any) -> Any:
            stored = await super().aput(config, *rest, **named)
            await hook("after_checkpoint", {"thread_id": config["configurable"]["thread_id"]})
            return stored

    home = settings.home.resolve()
    await asyncio.to_thread(lambda: home.mkdir(parents=True, exist_ok=True))
    async with Saver.from_conn_string(str(home / "checkpoints.db")) as saver:
        await saver.conn.execute("PRAGMA busy_timeout = 30000")
        await saver.setup()
        yield saver
