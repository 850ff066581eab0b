"""Word between processes that something happened to a run; what it was stands in the database.

A lost word costs time only: whoever watches a run asks the database now and then anyway.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fabula.errors import MissingExtra
from fabula.runs.queue.leaving import end_tasks
from fabula.settings import Settings

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = logging.getLogger("fabula.runs")
CHANNEL = "fabula:news"
TOGETHER_S = 0.03
"""Words of so short a time go out together, each run once."""
ANSWER_S = 1.0
REST_S = 1.0
"""How long Redis is left alone after it did not answer."""

Tell = Callable[[str], None]


@asynccontextmanager
async def open_nudges(settings: Settings) -> AsyncIterator[Tell]:
    """Give a function that tells the other processes of a run; it never raises and never waits.

    Without a Redis it does nothing.
    """
    if settings.redis_url is None:
        yield _nobody
        return
    client = _client(settings.redis_url.get_secret_value())
    waiting: set[str] = set()
    woken = asyncio.Event()
    publishing = asyncio.create_task(_publish(client, waiting, woken))

    def tell(run: str) -> None:
        waiting.add(run)
        woken.set()

    try:
        yield tell
    finally:
        await end_tasks(publishing)
        await client.aclose()


async def hear(settings: Settings, heard: Tell) -> None:
    """Call `heard` with each run that another process tells of, until it is cancelled."""
    if settings.redis_url is None:
        return
    client = _client(settings.redis_url.get_secret_value())
    try:
        while True:
            try:
                await _hear(client, heard)
            except _failures() as error:
                log.info("no word of other processes error=%s", type(error).__name__)
            await asyncio.sleep(REST_S)
    finally:
        await client.aclose()


async def _hear(client: Redis, heard: Tell) -> None:
    async with client.pubsub() as subscription:
        await subscription.subscribe(CHANNEL)
        while True:
            message = await subscription.get_message(
                ignore_subscribe_messages=True, timeout=ANSWER_S
            )
            if message:
                for run in message["data"].decode("utf-8", "replace").split():
                    heard(run)


async def _publish(client: Redis, waiting: set[str], woken: asyncio.Event) -> None:
    while True:
        await woken.wait()
        await asyncio.sleep(TOGETHER_S)
        woken.clear()
        runs = " ".join(sorted(waiting))
        waiting.clear()
        try:
            await client.publish(CHANNEL, runs)
        except _failures() as error:
            log.info("nobody told error=%s", type(error).__name__)
            await asyncio.sleep(REST_S)


def _client(url: str) -> Redis:
    try:
        from redis.asyncio import Redis
    except ImportError:
        raise MissingExtra("FABULA_REDIS_URL", "service") from None
    made: Redis = Redis.from_url(
        url, socket_timeout=ANSWER_S * 2, socket_connect_timeout=ANSWER_S, client_name="fabula"
    )
    return made


def _failures() -> tuple[type[Exception], ...]:
    from redis.exceptions import RedisError

    return RedisError, OSError


def _nobody(run: str) -> None:
    """Tell nobody."""


__all__ = ["Tell", "hear", "open_nudges"]
