"""Execute what is due: claim in fair turns, sweep for lost bells, drain when the process ends."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from fabula.errors import FabulaError, LeaseLost
from fabula.products import Product, product
from fabula.runs.ends import End
from fabula.runs.execution import Execution, Setup
from fabula.runs.queue.queueing import QUEUES, Bell
from fabula.runs.taking import worker_name
from fabula.store.claims import Claimed, Left, claim_run, due_queues
from fabula.store.engine import Fence
from fabula.store.events import Event, append_events, last_seq
from fabula.store.ledger import totals
from fabula.store.runs import end_run
from fabula.store.tables import NANO

log = logging.getLogger("fabula.runs")
MOST_STALLS = 5
"""So often may a run lose its process without going further, before it is given up as stuck."""
AWAY = (SQLAlchemyError, FabulaError, OSError)
"""What says that the database, or what a run stands on, cannot be used now."""
SUSPECT = 2
"""After so many a run may be what ends its processes: two such never share one."""
RunListener = Callable[[str, Event], None]
Claim = Callable[..., Awaitable[Claimed | None]]


class Pool:
    """The runs that this process executes for a service, up to so many of each queue at once.

    `listener` is told of each stored event with its run's id, `on_end` of each end; `bell` wakes
    others for what this process gives back; `claim` chooses what is next.
    """

    def __init__(
        self,
        setup: Setup,
        *,
        slots: Mapping[str, int] | None = None,
        products: Mapping[str, Product] | None = None,
        listener: RunListener | None = None,
        on_end: Callable[[Claimed, End], None] = lambda *_: None,
        bell: Bell | None = None,
        claim: Claim = claim_run,
    ) -> None:
        settings = setup.settings
        default = {"interactive": settings.interactive_slots, "batch": settings.batch_slots}
        self._setup = setup
        self._free = dict(slots if slots is not None else default)
        self._products = products or {}
        self._listener = listener
        self._on_end = on_end
        self._bell = bell
        self._claiming = claim
        self._worker = worker_name()
        # Not by run: one that lost its lease may still be ending while it is claimed anew.
        self._executing: set[Execution] = set()
        self._suspects: set[str] = set()
        self._turn = asyncio.Lock()
        self._looked_at = time.monotonic()
        self._trusting_from = 0.0
        self._serving: set[asyncio.Task[None]] = set()
        self._sweeping: asyncio.Task[None] | None = None
        self.draining = False

    @property
    def busy(self) -> int:
        """How many runs are being executed now."""
        return len(self._executing)

    @property
    def sweeping(self) -> bool:
        """Say whether this process looks for due runs."""
        return self._sweeping is not None and not self._sweeping.done() and not self.draining

    def free(self, queue: str) -> int:
        """Say how many more runs of the queue this process takes now."""
        return 0 if self.draining else self._free.get(queue, 0)

    def start(self) -> None:
        """Sweep from now on."""
        self._looked_at = time.monotonic()
        self._sweeping = asyncio.create_task(self._sweep())

    async def close(self) -> None:
        """Drain: finish the running steps, give the leases back, end. Nothing paid is dropped."""
        self.draining = True
        for execution in self._executing:
            execution.drain()
        if self._sweeping:
            self._sweeping.cancel()
            await asyncio.wait([self._sweeping])
        while self._serving:
            await asyncio.wait(self._serving)

    async def serve(self, queue: str) -> None:
        """Execute what is due in the queue until nothing is, where a slot is free."""
        if self.free(queue):
            self._free[queue] -= 1
            await self._serve(queue)

    def serve_soon(self, queue: str) -> None:
        """Start serving a queue beside what is running, where a slot is free."""
        if not self.free(queue):
            return
        self._free[queue] -= 1
        task = asyncio.create_task(self._serve(queue))
        self._serving.add(task)
        task.add_done_callback(self._served)

    async def _serve(self, queue: str) -> None:
        try:
            while claimed := await self._claim(queue):
                # Where one was due another may be: one ring wakes as many slots as there is work.
                self.serve_soon(queue)
                try:
                    await self._execute(claimed)
                finally:
                    self._suspects.discard(claimed.row.id)
        finally:
            self._free[queue] += 1

    def _served(self, task: asyncio.Task[None]) -> None:
        self._serving.discard(task)
        if task.cancelled() or not (error := task.exception()):
            return
        if isinstance(error, AWAY):
            # The sweep looks again.
            log.warning("nothing claimed error=%s", type(error).__name__)
        else:
            log.error("serving failed error=%s", type(error).__name__, exc_info=error)

    async def _sweep(self) -> None:
        while True:
            try:
                if stopped := await self._setup.store.database.end_stopped():
                    log.warning("sessions of stopped processes ended sessions=%d", stopped)
                due = await due_queues(self._setup.store, [*self._free])
                self._looked()
                for queue in due:
                    self.serve_soon(queue)
            except AWAY as error:
                log.warning("sweep failed error=%s", type(error).__name__)
            await asyncio.sleep(self._setup.settings.sweep_s)

    async def _claim(self, queue: str) -> Claimed | None:
        settings = self._setup.settings
        # One at a time: what may be taken depends on what was.
        async with self._turn:
            if self.draining:
                return None
            claimed = await self._claiming(
                self._setup.store,
                queue,
                worker=self._worker,
                lease_s=settings.lease_s,
                project_concurrency=settings.project_concurrency,
                left=self._which_left(),
            )
            if claimed and claimed.stalls >= SUSPECT:
                self._suspects.add(claimed.row.id)
            return claimed

    def _which_left(self) -> Left:
        now = time.monotonic()
        # The database, or this process, was away, and with it perhaps every owner's renewals:
        # each has a lease's time to be heard before it counts as dead.
        if now < self._trusting_from or now - self._looked_at > self._setup.settings.lease_s:
            return "none"
        return "harmless" if self._suspects else "any"

    def _looked(self) -> None:
        now, lease_s = time.monotonic(), self._setup.settings.lease_s
        if now - self._looked_at > lease_s:
            self._trusting_from = now + lease_s
        self._looked_at = now

    async def _execute(self, claimed: Claimed) -> None:
        row = claimed.row
        try:
            end = await self._ended(claimed)
        except LeaseLost:
            log.warning("run taken over by another process run=%s epoch=%d", row.id, claimed.epoch)
            return
        except AWAY as error:
            # Its lease runs out and another, or this process later, goes on from what is stored.
            log.warning("run left run=%s error=%s", row.id, type(error).__name__, exc_info=error)
            return
        self._on_end(claimed, end)
        if end.status == "queued" and self.draining and self._bell:
            await self._bell.ring(row.queue)

    async def _ended(self, claimed: Claimed) -> End:
        if claimed.stalls >= MOST_STALLS:
            return await self._give_up(claimed)
        row = claimed.row
        made = self._products.get(row.product) or product(row.product)
        answers = (row.reason or {}).get("answers")
        execution = Execution(self._told(row.id), row, claimed.epoch, made, {}, answers=answers)
        self._executing.add(execution)
        if self.draining:
            execution.drain()
        try:
            return await execution.run(await self._opening(claimed))
        finally:
            self._executing.discard(execution)

    def _told(self, run: str) -> Setup:
        def told(event: Event) -> None:
            if event.phase == "finish" or event.type == "cost":
                self._suspects.discard(run)
            if self._listener:
                self._listener(run, event)

        return replace(self._setup, listener=told)

    async def _opening(self, claimed: Claimed) -> Event:
        if claimed.row.started_at is None and claimed.row.epoch == 0:
            note: dict[str, Any] = {"product": claimed.row.product, "worker": self._worker}
            return Event("run.started", status="running", note=note)
        sums = await totals(self._setup.store, claimed.row.id)
        note = {
            "product": claimed.row.product,
            "epoch": claimed.epoch,
            "part": claimed.row.part,
            "worker": self._worker,
            "taken_over": claimed.taken_over,
            "in_doubt_calls": sums.doubtful_calls,
            "in_doubt": sums.in_doubt / NANO,
        }
        return Event("run.resumed", status="running", note=note)

    async def _give_up(self, claimed: Claimed) -> End:
        store, fence = self._setup.store, Fence(claimed.row.id, claimed.epoch)
        reason = {
            "en": f"the run lost its process {claimed.stalls} times without going further; "
            "look into its events and the workers' logs, then resume it",
            "ko": f"진전 없이 {claimed.stalls}번 프로세스를 잃었습니다. 이벤트와 작업자 로그를 "
            "확인한 뒤 이어서 실행하세요",
        }
        log.error("alert: run is stuck run=%s takeovers=%d", claimed.row.id, claimed.stalls)
        ended = Event("run.failed", status="failed", note={**reason, "code": "stuck"})
        after = await last_seq(store, claimed.row.id)
        await append_events(store, fence, [ended], after=after)
        await end_run(store, fence, status="failed", code="stuck", reason=reason)
        return End("failed", "stuck", reason)


class LocalBell:
    """The bell of a service without Redis: it wakes the pool of this process."""

    def __init__(self, pool: Pool | None) -> None:
        self._pool = pool

    async def ring(self, queue: str) -> None:
        if self._pool:
            self._pool.serve_soon(queue)


__all__ = ["QUEUES", "Bell", "LocalBell", "Pool"]
