"""`/health/live` and `/health/ready`: whether the process is there, and whether it can work."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy import text as sql
from sqlalchemy.exc import SQLAlchemyError

from fabula.errors import FabulaError
from fabula.runs.queue.queueing import QUEUES
from fabula.runs.queue.ringing import bell_queue
from fabula.service.auth import IsKnown
from fabula.service.state import Here, Service
from fabula.store.tables import REVISION

router = APIRouter(prefix="/health", tags=["service"])
ANSWER_S = 2.0
"""How long each part may take to answer."""
HEARTBEAT = ":health-check"
"""What ARQ puts behind a queue's name for the sign of life of its workers."""


class Part(BaseModel):
    """One part of the service. `not_used`: the settings name none; `away`: it works without."""

    status: Literal["ok", "down", "away", "not_used"]
    detail: str | None = None


class Readiness(BaseModel):
    """Whether the service can work, and each part that it stands on.

    `degraded`: it takes runs and loses none, but they begin later, since what is `away` only wakes
    or executes.
    """

    status: Literal["ok", "degraded", "down"]
    down: list[str]
    away: list[str]
    parts: dict[str, Part]


class Liveness(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class _Down(Exception):
    """A part that answers, and what it says is not good."""


Check = Callable[[Service], Awaitable[Part]]


@router.get("/live")
async def live() -> Liveness:
    """Say that the process answers; it looks at nothing else."""
    return Liveness()


@router.get(
    "/ready",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "A part is down; `down` names it"}},
)
async def ready(service: Here, known: IsKnown) -> JSONResponse:
    """Say whether the service can take runs and keep them, part by part.

    Without Redis workers sweep, and without workers runs wait: neither is a reason to turn callers
    away. A probe needs no key; what is wrong with a part is told to who has one.
    """
    found = await readiness(service)
    if not known:
        parts = {name: Part(status=part.status) for name, part in found.parts.items()}
        found = found.model_copy(update={"parts": parts})
    body = found.model_dump(mode="json", exclude_none=True)
    return JSONResponse(body, 503 if found.status == "down" else 200)


async def readiness(service: Service) -> Readiness:
    """Ask every part at once."""
    answers = await asyncio.gather(*(_asked(name, service) for name in CHECKS))
    parts = dict(zip(CHECKS, answers, strict=True))
    down = [name for name, part in parts.items() if part.status == "down"]
    away = [name for name, part in parts.items() if part.status == "away"]
    status: Literal["ok", "degraded", "down"] = "down" if down else "degraded" if away else "ok"
    return Readiness(status=status, down=down, away=away, parts=parts)


async def _asked(name: str, service: Service) -> Part:
    from redis.exceptions import RedisError

    try:
        async with asyncio.timeout(ANSWER_S):
            return await CHECKS[name](service)
    except TimeoutError:
        detail = f"no answer within {ANSWER_S:g} s"
    except _Down as down:
        return Part(status="down", detail=str(down))
    except (FabulaError, SQLAlchemyError, RedisError, OSError) as error:
        # Its words may hold an address or a name: the kind says enough, the log says the rest.
        detail = type(error).__name__
    return Part(status="away" if name in OPTIONAL else "down", detail=detail)


async def _database(service: Service) -> Part:
    await service.store.read(sql("SELECT 1"))
    return Part(status="ok")


async def _migrations(service: Service) -> Part:
    found = await service.store.read(sql("SELECT version_num FROM alembic_version"))
    if (revision := found.scalar()) != REVISION:
        raise _Down(f"the database is at {revision}, this version uses {REVISION}")
    return Part(status="ok")


async def _redis(service: Service) -> Part:
    if service.settings.redis_url is None:
        return Part(status="not_used")
    from redis.asyncio import Redis

    async with Redis.from_url(service.settings.redis_url.get_secret_value()) as client:
        await client.ping()
    return Part(status="ok")


async def _workers(service: Service) -> Part:
    if service.pool:
        if not service.pool.sweeping:
            raise _Down("the pool of this process has ended")
        return Part(status="ok", detail=f"in this process, {service.pool.busy} at work")
    if service.settings.redis_url is None:
        return Part(status="not_used")
    from redis.asyncio import Redis

    async with Redis.from_url(service.settings.redis_url.get_secret_value()) as client:
        alive = [await client.exists(f"{bell_queue(queue)}{HEARTBEAT}") for queue in QUEUES]
    silent = [queue for queue, there in zip(QUEUES, alive, strict=True) if not there]
    if silent:
        return Part(status="away", detail=f"no sign of life of a worker for {', '.join(silent)}")
    return Part(status="ok", detail=", ".join(QUEUES))


async def _disk(service: Service) -> Part:
    free = (await asyncio.to_thread(shutil.disk_usage, service.store.home)).free
    least = service.settings.disk_room_bytes
    if free < least:
        raise _Down(f"{free:,} bytes left, fewer than disk_room_bytes ({least:,})")
    return Part(status="ok")


CHECKS: Mapping[str, Check] = {
    "database": _database,
    "migrations": _migrations,
    "redis": _redis,
    "workers": _workers,
    "disk": _disk,
}
"""The parts by name."""
OPTIONAL = ("redis", "workers")
"""Parts that others of their kind may stand in for, or that may come back later."""
