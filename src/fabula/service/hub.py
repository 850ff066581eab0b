"""What happens to the runs that somebody watches: one poller for all of a process's watchers.

Events of runs that this process executes are told to the hub as they are stored. What other
processes do is seen by asking the database, once for all watched runs; a nudge makes it ask now.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy.exc import SQLAlchemyError

from fabula.errors import FabulaError
from fabula.service.frames import frame_of
from fabula.store.engine import Store
from fabula.store.events import Event
from fabula.store.runs import ENDED
from fabula.store.watching import Standing, news, standings

log = logging.getLogger("fabula.service")
POLL_S = 0.25
LEAST_S = 0.02
"""Between two questions, however often the hub is nudged."""
KEPT = 200
"""How many of a run's last events are kept ready; a watcher further behind reads the database."""


class Tail:
    """The newest events of one watched run, as frames ready to be sent.

    `base` is the number before the first frame, `last` the number of the last one. `standing` is
    how the run stands, None while that is not known.
    """

    def __init__(self, run: str) -> None:
        self.run = run
        self.wanted: int | None = None
        self.base = 0
        self.last = 0
        self.loaded = False
        self.standing: Standing | None = None
        self.watchers = 0
        self.changed = asyncio.Event()
        self._frames: deque[bytes] = deque()

    @property
    def over(self) -> bool:
        """The run has ended and its last event is here."""
        return self.standing is not None and self.standing.status in ENDED

    def frames(self, after: int) -> list[tuple[int, bytes]]:
        """Return the numbered frames after a number that is not below `base`."""
        skipped = after - self.base
        return [
            (self.base + place, frame)
            for place, frame in enumerate(self._frames, start=1)
            if place > skipped
        ]

    def append(self, event: Event) -> None:
        """Take the next event; one out of turn is left for the poller."""
        if not self.loaded or event.seq != self.last + 1:
            return
        self._frames.append(frame_of(event))
        self.last = event.seq
        self.standing = None
        if len(self._frames) > KEPT:
            self._frames.popleft()
            self.base += 1

    def begin_at(self, base: int) -> None:
        """Forget what is kept and go on after a number."""
        self._frames.clear()
        self.base = self.last = base
        self.loaded = True

    def wake(self) -> None:
        """Wake everybody who waits for a change."""
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()


class Hub:
    """The watched runs of one process."""

    def __init__(self, store: Store, *, poll_s: float = POLL_S) -> None:
        self._store = store
        self._poll_s = poll_s
        self._tails: dict[str, Tail] = {}
        self._nudged = asyncio.Event()
        self._polling: asyncio.Task[None] | None = None
        self.closed = False

    @property
    def watchers(self) -> int:
        """How many watch now."""
        return sum(tail.watchers for tail in self._tails.values())

    def start(self) -> None:
        """Poll from now on, while somebody watches."""
        self._polling = asyncio.create_task(self._poll())
        self._polling.add_done_callback(_ended)

    def drain(self) -> None:
        """Send the watchers away: the process is going to end."""
        self.closed = True
        for tail in self._tails.values():
            tail.wake()

    async def close(self) -> None:
        """Drain, and stop polling."""
        self.drain()
        if self._polling:
            # Not cancelled: a question that is broken off costs a server's connection.
            self._nudged.set()
            await self._polling

    @contextmanager
    def watch(self, run: str, *, after: int | None = None) -> Iterator[Tail]:
        """Watch a run, its events after a number too where one is given."""
        tail = self._tails.setdefault(run, Tail(run))
        tail.watchers += 1
        if after is not None and not tail.loaded:
            tail.wanted = after if tail.wanted is None else min(after, tail.wanted)
        self.nudge()
        try:
            yield tail
        finally:
            tail.watchers -= 1
            if not tail.watchers:
                del self._tails[run]

    def tell(self, run: str, event: Event) -> None:
        """Take an event that this process has stored."""
        if tail := self._tails.get(run):
            tail.append(event)
            tail.wake()

    def nudge(self, run: str | None = None) -> None:
        """Ask the database now, where anybody watches the run."""
        if run is None or run in self._tails:
            self._nudged.set()

    async def _poll(self) -> None:
        while not self.closed:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll_s if self._tails else None):
                    await self._nudged.wait()
            self._nudged.clear()
            if not self._tails or self.closed:
                continue
            try:
                await self._look()
            except (SQLAlchemyError, FabulaError, OSError) as error:
                # The watchers wait: the database is asked again in a moment.
                log.warning("poll failed error=%s", type(error).__name__)
                await asyncio.sleep(self._poll_s)
            await asyncio.sleep(LEAST_S)

    async def _look(self) -> None:
        seen = await standings(self._store, list(self._tails))
        cursors: dict[str, int] = {}
        for run, standing in seen.items():
            if (tail := self._tails.get(run)) and (after := _cursor(tail, standing)) is not None:
                cursors[run] = after
        for run, event in await news(self._store, cursors) if cursors else ():
            if tail := self._tails.get(run):
                tail.append(event)
        for run, standing in seen.items():
            if tail := self._tails.get(run):
                _settle(tail, standing)


def _ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.error("polling ended error=%s", type(error).__name__, exc_info=error)


def _cursor(tail: Tail, standing: Standing) -> int | None:
    """Return after which number a tail's events are to be read; None: there is nothing new."""
    if not tail.loaded:
        wanted = standing.last if tail.wanted is None else min(tail.wanted, standing.last)
        tail.begin_at(max(wanted, standing.last - KEPT))
        tail.wake()
    elif standing.last - tail.last > KEPT:
        tail.begin_at(standing.last)
        tail.wake()
    return tail.last if tail.last < standing.last else None


def _settle(tail: Tail, standing: Standing) -> None:
    if tail.last < standing.last:
        # A number is missing in the database: whoever follows reads it there and is told.
        tail.begin_at(standing.last)
    elif tail.last > standing.last:
        # Something was told since: how the run stands now is seen the next time.
        tail.wake()
        return
    changed = tail.standing != standing
    tail.standing = standing
    if changed:
        tail.wake()
