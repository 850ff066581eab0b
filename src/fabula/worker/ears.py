"""Listen for jobs in Redis, and go on listening when it comes back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from arq.connections import ArqRedis
from arq.worker import Worker, func
from redis.exceptions import RedisError

from fabula.worker.jobs import REFUSED, Jobs, reader

log = logging.getLogger("fabula.worker")
Job = Callable[..., Coroutine[Any, Any, Any]]

POLL_S = 0.1
TIMEOUT_S = 300
"""No job of ours takes long: it writes a row, or starts what it does not wait for. A job of a
process that died is seen again after this and ten seconds more; until then the sweep serves."""
MANY = 1_000_000
"""Tries that ARQ allows: it counts the deaths of workers as the job's."""
READ_LIMIT = 1_000
"""Jobs looked at in one poll: those that others have begun stand first, and must not hide one."""
KEEP_ANSWER_S = 3600
REST_S = 0.5
HEALTH_S = 5
END_S = 1.0
AT_ONCE = 8
"""Jobs of other applications that are taken in together."""
MOST_AT_ONCE = 256


class Ear(Worker):
    """ARQ's worker for one queue, as a part of this process: it takes what there is room for.

    `room` is asked before each poll: a bell that is taken without a free slot wakes nobody.
    """

    def __init__(
        self, queue: str, functions: Sequence[Any], client: ArqRedis, **named: Any
    ) -> None:
        self.room: Callable[[], int] = named.pop("room")
        super().__init__(
            functions,
            queue_name=queue,
            redis_pool=client,
            handle_signals=False,
            poll_delay=POLL_S,
            job_timeout=TIMEOUT_S,
            max_tries=MANY,
            keep_result=0,
            queue_read_limit=READ_LIMIT,
            health_check_interval=HEALTH_S,
            **named,
        )

    async def _poll_iteration(self) -> None:
        self.max_jobs = self.room() + self.job_counter
        await super()._poll_iteration()

    async def end(self) -> None:
        """Take no more and let the jobs at hand end; unlike ARQ's `close` it leaves the client."""
        self.allow_pick_jobs = False
        if running := [*self.tasks.values()]:
            _, late = await asyncio.wait(running, timeout=END_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


async def hear(name: str, make: Callable[[], Ear]) -> None:
    """Listen until cancelled, with a new ear each time that Redis was away."""
    away = False
    while True:
        ear = make()
        try:
            await ear.async_run()
        except (RedisError, OSError) as error:
            if not away:
                log.warning("redis away, sweeping queue=%s error=%s", name, type(error).__name__)
            away = True
        except Exception:
            log.exception("listening failed, sweeping queue=%s", name)
        finally:
            await ear.end()
        await asyncio.sleep(REST_S)


def bell_ear(queue: str, arq_queue: str, jobs: Jobs, client: ArqRedis) -> Ear:
    """Make the ear for one queue's bell."""
    return Ear(
        arq_queue,
        [func(jobs.bell, name="bell"), func(jobs.refused, name=REFUSED)],
        client,
        max_jobs=MOST_AT_ONCE,
        job_deserializer=reader("bell"),
        job_serializer=client.job_serializer,
        room=lambda: jobs.pool.free(queue),
    )


def job_ear(arq_queue: str, jobs: Jobs, client: ArqRedis) -> Ear:
    """Make the ear for the jobs of other applications."""
    names = ("run_product", "editorial_article_job")
    taken = [func(getattr(jobs, name), name=name, keep_result=KEEP_ANSWER_S) for name in names]
    return Ear(
        arq_queue,
        [*taken, func(jobs.refused, name=REFUSED)],
        client,
        max_jobs=MOST_AT_ONCE,
        job_deserializer=reader(*names),
        job_serializer=client.job_serializer,
        room=lambda: 0 if jobs.pool.draining else AT_ONCE,
    )
