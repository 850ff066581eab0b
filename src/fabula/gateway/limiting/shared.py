"""The count of all processes together, in Redis; a safe share of this one while Redis is away."""

from __future__ import annotations

import json
import logging
import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fabula.errors import MissingExtra
from fabula.gateway.limiting import pace
from fabula.gateway.limiting.desk import Desk, Grants, Head, Outcome, Ticket
from fabula.gateway.limiting.local import LocalDesk, paces
from fabula.gateway.limits import Limits

log = logging.getLogger("fabula.gateway")
SCRIPT = Path(__file__).with_name("limits.lua")
ANSWER_S = 1.0
AWAY_S = 2.0
"""For so long after its last answer Redis is waited for, and nobody sends anything: a process that
stalled for a moment must not begin with a share of its own while the others go on with the whole.
"""
TRY_AGAIN_S, REST_S = 0.1, 1.0
"""How long Redis is left alone before it is away, and after."""
ASK_AGAIN_S, GRACE_S = 0.25, 0.5
"""How often a waiting process asks at least, and how late it may be before its turn is others'."""
UNSEEN_WORKERS = 10
"""How many processes to share with where Redis was never seen, so that nobody knows."""


class RedisDesk:
    """Keeps the count in Redis, on its clock, for all processes that name it.

    While Redis is away this process keeps to `limit / workers seen last`, a request a minute at
    least, and goes back by itself. What Redis forgot begins with one request and the pace last
    seen, never with a burst.
    """

    def __init__(
        self, limits: Limits, url: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        try:
            from redis.asyncio import Redis
            from redis.exceptions import RedisError
        except ImportError:
            raise MissingExtra("FABULA_REDIS_URL", "service") from None
        self._limits = limits
        self._clock = clock
        self._failures = (RedisError, OSError)
        self._redis: Redis = Redis.from_url(
            url, socket_timeout=ANSWER_S, socket_connect_timeout=ANSWER_S
        )
        self._script = self._redis.register_script(SCRIPT.read_text("utf-8"))
        self._worker = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._workers: int | None = None
        self._factors: dict[str, tuple[float, float]] = {}
        self._local: Desk | None = None
        self._silent_since: float | None = None
        self._rest_until = 0.0

    async def grant(self, model: str, heads: Sequence[Head]) -> Grants:
        wanted = [[head.project, head.tokens] for head in heads]
        reply = await self._ask("grant", model, {"heads": wanted, "worker": self._worker})
        if reply is None:
            if self._local is None:
                return Grants((0,) * len(heads), TRY_AGAIN_S, self._clock())
            return (await self._local.grant(model, heads))._replace(local=True)
        self._workers = int(reply["workers"])
        return Grants(tuple(reply["counts"]), float(reply["wait"]), float(reply["at"]))

    async def settle(self, ticket: Ticket, outcome: Outcome) -> None:
        if ticket.local:
            if self._local:
                await self._local.settle(ticket, outcome)
            return
        told = {
            "project": ticket.project,
            "at": ticket.at,
            "requests_back": 0 if outcome.sent else 1,
            "tokens_back": ticket.tokens - outcome.tokens,
            "throttled": outcome.throttled,
            "retry_after": outcome.retry_after_s or 0.0,
        }
        await self._ask("settle", ticket.model, told)

    async def close(self) -> None:
        await self._redis.aclose()

    async def _ask(self, what: str, model: str, told: Mapping[str, Any]) -> Any:
        """Run the script; None where Redis did not answer."""
        if self._clock() < self._rest_until:
            return None
        keys = [f"fabula:limits:{{{model}}}:{name}" for name in _KEYS]
        given = json.dumps({**self._rules(model), **told})
        try:
            reply = json.loads(await self._script(keys=keys, args=[what, given]))
        except self._failures as error:
            self._silent(error)
            return None
        self._answered()
        self._factors[model] = (float(reply["factor"]), self._clock())
        return reply

    def _rules(self, model: str) -> dict[str, Any]:
        whole, part = paces(self._limits, model)
        return {
            "rule": _RULE,
            "whole": whole._asdict(),
            "part": part._asdict() if part else None,
            "factor": self._seen().get(model, 1.0),
        }

    def _seen(self) -> dict[str, float]:
        recently = self._clock() - pace.FORGET_S
        return {model: factor for model, (factor, at) in self._factors.items() if at > recently}

    def _silent(self, error: Exception) -> None:
        now = self._clock()
        self._silent_since = self._silent_since or now
        self._rest_until = now + (REST_S if self._local else TRY_AGAIN_S)
        if self._local or now - self._silent_since < AWAY_S:
            return
        workers = self._workers or UNSEEN_WORKERS
        # No first request for free: every process is in this at the same moment.
        self._local = LocalDesk(
            self._limits, share=1 / workers, start=0.0, factors=self._seen(), clock=self._clock
        )
        log.warning(
            "redis away: provider limits are kept to this process's share workers=%d error=%s",
            workers,
            type(error).__name__,
        )

    def _answered(self) -> None:
        self._silent_since = None
        if self._local:
            self._local = None
            log.info("redis is back: provider limits are shared again")


_KEYS = ("bucket", "waiting", "projects", "workers")
_RULE = {
    "start": 1.0,
    "decrease": pace.DECREASE,
    "cooldown": pace.COOLDOWN_S,
    "pause": pace.LONGEST_PAUSE_S,
    "least": pace.LEAST_FACTOR,
    "step": pace.STEP,
    "step_per_s": pace.STEP_PER_S,
    "forget": int(pace.FORGET_S),
    "minute": int(pace.MINUTE_S),
    "ask_again": ASK_AGAIN_S,
    "grace": GRACE_S,
}
