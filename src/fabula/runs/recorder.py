"""Record a run's events in batches, and tell a listener of each once it is stored."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from sqlalchemy.exc import OperationalError

from fabula.errors import LeaseLost, StoreUnavailable
from fabula.store.engine import Fence, Store
from fabula.store.events import Event, append_events, list_events, part_began

log = logging.getLogger("fabula.runs")
Listener = Callable[[Event], None]
BATCH_S = 0.1


class Recorder:
    """The only writer of a run's events."""

    def __init__(self, store: Store, fence: Fence, listener: Listener | None) -> None:
        self._store = store
        self._fence = fence
        self._listener = listener
        self._waiting: list[Event] = []
        self._seq = 0
        self._seen: set[tuple[str, str]] = set()
        self._task: asyncio.Task[None] | None = None
        self._flushing = asyncio.Lock()
        self._doubtful = False

    async def open(self, part: int = 1) -> list[Event]:
        """Continue after what is stored; return the stored events of this part."""
        began = await part_began(self._store, self._fence.run, part)
        stored = await list_events(self._store, self._fence.run, after=began)
        self._seq = stored[-1].seq if stored else began
        self._seen = {(one.task, one.phase) for one in stored if one.task and one.phase}
        return stored

    def add(self, event: Event) -> None:
        """Queue an event; a task's phase that was seen before is dropped."""
        if event.task and event.phase:
            if (event.task, event.phase) in self._seen:
                return
            self._seen.add((event.task, event.phase))
        self._waiting.append(event)
        if self._task is None:
            self._task = asyncio.create_task(self._flush_later())

    async def flush(self) -> None:
        """Store what is queued now."""
        async with self._flushing:
            if self._doubtful:
                await self._look()
            batch, self._waiting = self._waiting, []
            if not batch:
                return
            try:
                stored = await append_events(self._store, self._fence, batch, after=self._seq)
            except BaseException as error:
                self._waiting = batch + self._waiting
                self._doubtful = isinstance(error, StoreUnavailable)
                raise
            self._seq = stored[-1].seq
        if self._listener:
            for event in stored:
                self._listener(event)

    async def close(self) -> None:
        """Store what is left and end."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
        await self.flush()

    async def _look(self) -> None:
        """Find out whether the last batch was stored, though no answer said so."""
        stored = await list_events(self._store, self._fence.run, after=self._seq)
        self._doubtful = False
        if not stored:
            return
        # Nobody else writes under this epoch: these are the first of what waits.
        del self._waiting[: len(stored)]
        self._seq = stored[-1].seq
        for event in stored:
            if self._listener:
                self._listener(event)

    async def _flush_later(self) -> None:
        await asyncio.sleep(BATCH_S)
        self._task = None
        try:
            await self.flush()
        except (LeaseLost, OperationalError, StoreUnavailable) as error:
            # The batch is kept: the next flush, or the end of the run, tries it again.
            log.warning("events not stored run=%s error=%s", self._fence.run, error)
