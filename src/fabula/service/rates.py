"""How often a key may come: a token bucket in this process, or one for all through Redis."""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from fabula.settings import Settings

log = logging.getLogger("fabula.service")
SCRIPT = Path(__file__).with_name("rates.lua")
BURST_S = 10.0
"""How many seconds' worth of requests may come at once."""
LEAST_BURST = 10.0
"""A slow key may still send so many at once, where a minute has as many."""
MOST_BUCKETS = 10_000
REST_S = 1.0
"""How long Redis is left alone after it did not answer."""
ANSWER_S = 0.5
UNSEEN_PROCESSES = 10
"""How many to share with where Redis was never seen, so that nobody knows."""


class Rates(Protocol):
    """Counts the requests of each key."""

    async def take(self, key: str, per_minute: float) -> float:
        """Count a request; return 0 where it may go on, else the seconds until one may."""
        ...

    async def close(self) -> None: ...


class LocalRates:
    """The count of this process; `share` is its part where others count for themselves too."""

    def __init__(self, *, share: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._share = share
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    async def take(self, key: str, per_minute: float) -> float:
        rate = per_minute / 60 * self._share
        most = max(1.0, burst(per_minute) * self._share)
        now = self._clock()
        tokens, at = self._buckets.pop(key, (most, now))
        tokens = min(most, tokens + (now - at) * rate)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / rate
        # Put in anew, the least used stand first.
        self._buckets[key] = (tokens - 1 if wait == 0 else tokens, now)
        if len(self._buckets) > MOST_BUCKETS:
            del self._buckets[next(iter(self._buckets))]
        return wait

    async def close(self) -> None:
        """Hold nothing open."""


class RedisRates:
    """The count of all processes, on the clock of Redis; a safe share of it while it is away."""

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        from redis.asyncio import Redis
        from redis.exceptions import RedisError

        self._clock = clock
        self._failures = (RedisError, OSError)
        self._redis: Redis = Redis.from_url(
            url, socket_timeout=ANSWER_S, socket_connect_timeout=ANSWER_S
        )
        self._script = self._redis.register_script(SCRIPT.read_text("utf-8"))
        self._process = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._processes = UNSEEN_PROCESSES
        self._local: LocalRates | None = None
        self._rest_until = 0.0

    async def take(self, key: str, per_minute: float) -> float:
        if self._clock() < self._rest_until and self._local:
            return await self._local.take(key, per_minute)
        names = [f"fabula:rate:{{{key}}}", f"fabula:rate:{{{key}}}:processes"]
        try:
            wait, seen = await self._script(
                keys=names, args=[per_minute / 60, burst(per_minute), self._process]
            )
        except self._failures as error:
            return await self._standing_in(error).take(key, per_minute)
        self._processes = max(1, int(seen))
        if self._local:
            self._local = None
            log.info("redis is back: request rates are shared again")
        return float(wait)

    async def close(self) -> None:
        await self._redis.aclose()

    def _standing_in(self, error: Exception) -> LocalRates:
        self._rest_until = self._clock() + REST_S
        if self._local is None:
            self._local = LocalRates(share=1 / self._processes, clock=self._clock)
            log.warning(
                "redis away: request rates are kept to this process's share processes=%d error=%s",
                self._processes,
                type(error).__name__,
            )
        return self._local


def burst(per_minute: float) -> float:
    """Return how many requests may come at once."""
    return max(1.0, per_minute / 60 * BURST_S, min(per_minute, LEAST_BURST))


def rates_of(settings: Settings) -> Rates:
    """Return the count that the settings ask for."""
    if settings.redis_url:
        return RedisRates(settings.redis_url.get_secret_value())
    return LocalRates()
