"""A worker: a pool of runs, ears for the bells, and an end in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from fabula.gateway.faults import Hook, no_hook
from fabula.gateway.provider import ChatProvider
from fabula.products import PRODUCTS, Product
from fabula.runs.checkpoints import prepare_checkpoints
from fabula.runs.ends import End
from fabula.runs.execution import Setup
from fabula.runs.queue.leaving import end_tasks
from fabula.runs.queue.nudging import Tell, open_nudges
from fabula.runs.queue.pool import Claim, Pool, RunListener
from fabula.runs.queue.queueing import QUEUES, QueueName, RunQueue, warm_up
from fabula.runs.queue.ringing import JOBS_QUEUE, bell_queue, connect, open_bell
from fabula.runs.webhooks import Webhooks
from fabula.settings import Settings
from fabula.store.claims import Claimed, claim_run
from fabula.store.engine import Store
from fabula.store.events import Event
from fabula.worker.jobs import Jobs

log = logging.getLogger("fabula.worker")
PATIENCE_S = 60.0
"""How long a database that is away is waited for: nobody else can go on with the runs either."""
ANSWER_S = 5.0
TRIES = 5
"""How long Redis is waited for, and how often it is asked again before an ear is made anew."""


@dataclass(frozen=True)
class Worker:
    """What one process executes for a service: the queues it serves and what it is made of.

    `hook`, `providers` and `products` are as `Runner` has them; `listener`, `on_end` and `claim`
    as `Pool` has them; `on_refused` is told why a job of another application was turned away,
    `on_webhook` how each try to deliver a webhook went.
    """

    settings: Settings
    queues: Sequence[QueueName] = QUEUES
    products: Mapping[str, Product] | None = None
    providers: Mapping[str, ChatProvider] | None = None
    hook: Hook = no_hook
    listener: RunListener | None = None
    on_end: Callable[[Claimed, End], None] = lambda *_: None
    on_refused: Callable[[str], None] = lambda _: None
    on_webhook: Callable[[str], None] = lambda _: None
    claim: Claim = claim_run

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[Pool]:
        """Execute what is due while it is entered; leaving drains.

        Raises SeveralHosts where a SQLite file would be shared between machines.
        """
        settings = self.settings
        async with AsyncExitStack() as stack:
            # One that is not there from the start is named at once.
            await (await Store.open(settings)).close()
            store = await Store.open(settings, patience_s=PATIENCE_S)
            stack.push_async_callback(store.close)
            bell = await stack.enter_async_context(open_bell(settings, refuse_strangers=True))
            tell = await stack.enter_async_context(open_nudges(settings))
            await prepare_checkpoints(store)
            await warm_up({**PRODUCTS, **(self.products or {})}, settings.korean_analyzer)
            pool = Pool(
                Setup(settings, store, self.hook, self.providers or {}, None),
                slots=self._slots(),
                products=self.products,
                listener=self._telling(tell),
                on_end=self._ending(tell),
                bell=bell,
                claim=self.claim,
            )
            sender = Webhooks(settings, store, observe=self.on_webhook)
            stack.push_async_callback(sender.close)
            sender.start()
            queue = RunQueue(settings, store, bell, products=self.products)
            ears = await self._listening(stack, Jobs(queue, pool, self.on_refused))
            pool.start()
            log.info("worker ready queues=%s ears=%d", ",".join(self.queues), ears)
            try:
                yield pool
            finally:
                log.info("worker draining runs=%d", pool.busy)
                await pool.close()

    def _telling(self, tell: Tell) -> RunListener:
        def told(run: str, event: Event) -> None:
            tell(run)
            if self.listener:
                self.listener(run, event)

        return told

    def _ending(self, tell: Tell) -> Callable[[Claimed, End], None]:
        def ended(claimed: Claimed, end: End) -> None:
            tell(claimed.row.id)
            self.on_end(claimed, end)

        return ended

    def _slots(self) -> dict[str, int]:
        every = {
            "interactive": self.settings.interactive_slots,
            "batch": self.settings.batch_slots,
        }
        return {queue: every[queue] for queue in self.queues}

    async def _listening(self, stack: AsyncExitStack, jobs: Jobs) -> int:
        url = self.settings.redis_url
        if url is None:
            return 0
        from fabula.worker.ears import bell_ear, hear, job_ear

        client = connect(url.get_secret_value(), answer_s=ANSWER_S, tries=TRIES)
        stack.push_async_callback(client.aclose)
        made = {
            queue: partial(bell_ear, queue, bell_queue(queue), jobs, client)
            for queue in self.queues
        }
        hearing = [hear(queue, make) for queue, make in made.items()]
        hearing.append(hear("jobs", partial(job_ear, JOBS_QUEUE, jobs, client)))
        tasks = [asyncio.create_task(one) for one in hearing]

        stack.push_async_callback(end_tasks, *tasks)
        return len(tasks)


async def work_until(worker: Worker, ending: asyncio.Event) -> None:
    """Work until the event is set, then drain."""
    async with worker.at_work():
        await ending.wait()
