"""The bell between processes: a job in Redis that says no more than that something is due.

ARQ carries it. What is due, and whose turn it is, stands in the database alone.
"""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fabula.errors import MissingExtra
from fabula.runs.queue.hosts import Presence
from fabula.runs.queue.queueing import Bell
from fabula.settings import Settings

if TYPE_CHECKING:
    from arq.connections import ArqRedis

log = logging.getLogger("fabula.runs")

JOBS_QUEUE = "fabula:jobs"
"""The ARQ queue of jobs that other applications enqueue."""
BELL = "bell"
MOST_BELLS = 64
"""So many rings of one queue wait at most: another one would wake nobody else."""
BELL_LIVES_S = 3600
ANSWER_S = 1.0
"""How long a ring may take: whoever rings holds an answer to a person."""
REST_S = 1.0
"""How long Redis is left alone after it did not answer."""


def bell_queue(queue: str) -> str:
    """Return the ARQ queue that a queue's bell is rung in."""
    return f"fabula:bell:{queue}"


def to_json(job: Mapping[str, Any]) -> bytes:
    """Write an ARQ job as JSON: ARQ's own pickle runs whatever somebody puts into Redis."""
    return json.dumps(job, ensure_ascii=False).encode()


def connect(url: str, *, answer_s: float, tries: int) -> ArqRedis:
    """Make a client that asks Redis again so often; nothing is sent yet.

    Raises MissingExtra where ARQ is not installed.
    """
    try:
        from arq.connections import ArqRedis
        from redis.asyncio.retry import Retry
        from redis.backoff import ExponentialBackoff
        from redis.exceptions import ConnectionError as Away
        from redis.exceptions import TimeoutError as Slow
    except ImportError:
        raise MissingExtra("FABULA_REDIS_URL", "service") from None
    client: ArqRedis = ArqRedis.from_url(
        url,
        socket_timeout=answer_s,
        socket_connect_timeout=answer_s,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), tries),
        retry_on_error=[Away, Slow],
        client_name="fabula",
    )
    client.job_serializer = to_json
    client.job_deserializer = json.loads
    return client


class RedisBell:
    """Wakes one of the workers that share a Redis. It never raises and never waits for long."""

    def __init__(self, client: ArqRedis) -> None:
        from redis.exceptions import RedisError

        self._client = client
        self._failures = (RedisError, OSError)
        self._number = secrets.randbelow(MOST_BELLS)
        self._rest_until = 0.0
        self._away = False

    async def ring(self, queue: str) -> None:
        if time.monotonic() < self._rest_until:
            return
        self._number = (self._number + 1) % MOST_BELLS
        try:
            await self._client.enqueue_job(
                BELL,
                queue,
                _job_id=f"{BELL}:{queue}:{self._number}",
                _queue_name=bell_queue(queue),
                _expires=BELL_LIVES_S,
            )
        except self._failures as error:
            self._rest_until = time.monotonic() + REST_S
            if not self._away:
                log.warning("bell not rung, workers sweep error=%s", type(error).__name__)
            self._away = True
        else:
            if self._away:
                log.info("bell is back")
            self._away = False


class NoBell:
    """The bell where no other process can be told: workers sweep."""

    async def ring(self, queue: str) -> None:
        """Do nothing."""


@asynccontextmanager
async def open_bell(settings: Settings, *, refuse_strangers: bool = False) -> AsyncIterator[Bell]:
    """Give the bell that wakes the workers of these settings.

    While it is open this process counts as present. With `refuse_strangers`: SeveralHosts where
    its runs are in a SQLite file and a process with another one, or on another machine, is there.
    """
    if settings.redis_url is None:
        async with Presence(settings, None) as presence:
            if refuse_strangers:
                await presence.refuse_strangers()
            yield NoBell()
        return
    client = connect(settings.redis_url.get_secret_value(), answer_s=ANSWER_S, tries=0)
    try:
        async with Presence(settings, client) as presence:
            if refuse_strangers:
                await presence.refuse_strangers()
            yield RedisBell(client)
    finally:
        await client.aclose()
