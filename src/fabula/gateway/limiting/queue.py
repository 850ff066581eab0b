"""Calls that wait for their turn in this process, and the task that asks for turns."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from itertools import islice
from types import TracebackType

from fabula.gateway.limiting.desk import UNSENT, Desk, Grants, Head, Outcome, Ticket
from fabula.gateway.limits import FREE, Admitted, Limits

MOST_ASKED = 16
"""How many calls of one project are asked for at once."""
LONGEST_SLEEP_S = 0.25
SHORTEST_SLEEP_S = 0.001


class QueuedLimiter:
    """The `Limiter` of one event loop; who comes next is for its desk to say."""

    def __init__(self, limits: Limits, desk: Desk) -> None:
        self._limits = limits
        self._desk = desk
        self._lines: dict[str, _Line] = {}

    def admit(
        self, *, model: str, project: str, tokens: int
    ) -> AbstractAsyncContextManager[Admitted]:
        if self._limits.of(model) is None:
            return FREE
        if model not in self._lines:
            self._lines[model] = _Line(model, self._desk)
        return _Turn(self._lines[model], project, tokens)

    async def close(self) -> None:
        """Stop asking and tell the desk what is left to tell; who still waits is cancelled."""
        for line in self._lines.values():
            await line.close()
        await self._desk.close()


@dataclass(eq=False)
class _Waiter:
    tokens: int
    granted: asyncio.Future[Ticket]


class _Turn:
    """One call's place in the line, and then its leave to be sent."""

    def __init__(self, line: _Line, project: str, tokens: int) -> None:
        self._line = line
        self._project = project
        self._tokens = tokens
        self._outcome = UNSENT
        self._ticket: Ticket | None = None

    async def __aenter__(self) -> Admitted:
        self._ticket = await self._line.enter(self._project, self._tokens)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._ticket:
            await self._line.leave(self._ticket, self._outcome)

    def settle(self, tokens: int) -> None:
        self._outcome = Outcome(tokens=tokens)

    def throttled(self, retry_after_s: float | None) -> None:
        self._outcome = Outcome(throttled=True, retry_after_s=retry_after_s)


class _Line:
    """The calls that wait for one model; a task asks the desk while there are any."""

    def __init__(self, model: str, desk: Desk) -> None:
        self._model = model
        self._desk = desk
        self._waiting: dict[str, deque[_Waiter]] = {}
        self._changed = asyncio.Event()
        self._asking: asyncio.Task[None] | None = None
        self._telling: set[asyncio.Task[None]] = set()

    async def enter(self, project: str, tokens: int) -> Ticket:
        waiter = _Waiter(tokens, asyncio.get_running_loop().create_future())
        self._waiting.setdefault(project, deque()).append(waiter)
        self._changed.set()
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        try:
            return await waiter.granted
        except asyncio.CancelledError:
            self._remove(project, waiter)
            granted = waiter.granted
            if granted.done() and not granted.cancelled() and not granted.exception():
                self._give_back(granted.result())
            raise

    async def leave(self, ticket: Ticket, outcome: Outcome) -> None:
        await self._desk.settle(ticket, outcome)
        self._changed.set()

    async def close(self) -> None:
        if self._asking:
            self._asking.cancel()
            await asyncio.wait([self._asking])
        self._dismiss(None)
        if self._telling:
            await asyncio.wait(self._telling)

    async def _ask(self) -> None:
        try:
            while self._waiting:
                self._changed.clear()
                await self._ask_once()
        except Exception as error:  # noqa: BLE001 - handed to every caller that waits for it
            self._dismiss(error)
        finally:
            # Here and not when the task is done: a caller may come in between.
            self._asking = None

    async def _ask_once(self) -> None:
        asked = {
            project: [one for one in islice(line, MOST_ASKED) if not one.granted.done()]
            for project, line in self._waiting.items()
        }
        heads = [
            Head(project, tuple(one.tokens for one in waiters))
            for project, waiters in asked.items()
            if waiters
        ]
        if not heads:
            # They are cancelled, and about to leave the line themselves.
            await asyncio.sleep(0)
            return
        grants = await self._desk.grant(self._model, heads)
        self._let_through(heads, asked, grants)
        await self._sleep(grants.wait_s)

    def _let_through(
        self, heads: list[Head], asked: dict[str, list[_Waiter]], grants: Grants
    ) -> None:
        for head, count in zip(heads, grants.counts, strict=True):
            for waiter in asked[head.project][:count]:
                ticket = Ticket(self._model, head.project, waiter.tokens, grants.at, grants.local)
                if waiter.granted.done():
                    self._give_back(ticket)
                    continue
                waiter.granted.set_result(ticket)
                self._remove(head.project, waiter)

    async def _sleep(self, wait_s: float) -> None:
        if not self._waiting:
            return
        pause = min(max(wait_s, SHORTEST_SLEEP_S), LONGEST_SLEEP_S)
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._changed.wait()

    def _remove(self, project: str, waiter: _Waiter) -> None:
        line = self._waiting.get(project, deque())
        if waiter in line:
            line.remove(waiter)
        if not line:
            self._waiting.pop(project, None)

    def _give_back(self, ticket: Ticket) -> None:
        task = asyncio.create_task(self.leave(ticket, UNSENT))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    def _dismiss(self, error: Exception | None) -> None:
        """Leave nobody waiting for a task that has ended."""
        for waiter in [one for line in self._waiting.values() for one in line]:
            if error and not waiter.granted.done():
                waiter.granted.set_exception(error)
            waiter.granted.cancel()
        self._waiting.clear()
