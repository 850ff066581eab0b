"""One limiter for everybody in an event loop, one count for everybody in a process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from fabula.gateway.limiting.local import LocalDesk
from fabula.gateway.limiting.queue import QueuedLimiter
from fabula.gateway.limits import UNLIMITED, Limiter, Limits


@dataclass
class _Shared:
    limiter: QueuedLimiter
    users: int = 0


_Key = tuple[str, str | None]
_open: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[_Key, _Shared]] = WeakKeyDictionary()
_counts: dict[str, LocalDesk] = {}


@asynccontextmanager
async def provider_limits(limits: Limits, redis_url: str | None) -> AsyncIterator[Limiter]:
    """Give the limiter of these limits; whoever leaves last closes what it holds open.

    With `redis_url` the count is shared by all processes that name it, without one by all runs
    of this process. Raises MissingExtra where the Redis client is not installed.
    """
    if not limits:
        yield UNLIMITED
        return
    here = _open.setdefault(asyncio.get_running_loop(), {})
    key = (limits.key(), redis_url)
    shared = here.get(key)
    if shared is None:
        shared = here[key] = _Shared(_made(limits, redis_url))
    shared.users += 1
    try:
        yield shared.limiter
    finally:
        shared.users -= 1
        if not shared.users:
            del here[key]
            await shared.limiter.close()


def _made(limits: Limits, redis_url: str | None) -> QueuedLimiter:
    if redis_url:
        from fabula.gateway.limiting.shared import RedisDesk

        return QueuedLimiter(limits, RedisDesk(limits, redis_url))
    return QueuedLimiter(limits, _counts.setdefault(limits.key(), LocalDesk(limits)))
