"""Chaos day: faults of every kind, drawn from one seed, while work of two kinds goes on."""

from __future__ import annotations

import asyncio
import random
import resource
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from benchmarks.audit import Findings, audit
from benchmarks.fleet import Fleet, Member, Shape
from benchmarks.rehearse import Ground, Load, fed
from fabula.testing.faults import Fault, Script
from fabula.testing.parts import calls_of
from fabula.testing.servers import PostgresServer

PARTS = 60
LOAD = Load(runs=60, count=30, at_once=10)
AWAY_S = 3.0
SHAPE = Shape(
    slots=10,
    latency_ms=300,
    settings={"TRANSPORT_TRIES": "8", "TRANSPORT_BACKOFF_S": "0.2"},
    hasty=True,
)
EVEN = 0.5


class Scene(NamedTuple):
    """What a fault may touch."""

    crew: Fleet
    postgres: PostgresServer
    dice: random.Random


Act = Callable[[Scene], Awaitable[None]]


async def chaos_day(
    ground: Ground, *, seed: int, faults: int, within_s: float
) -> tuple[Findings, int]:
    """Draw so many faults one after another; at the end all work must be done, and done once."""
    dice = random.Random(seed)  # noqa: S311 - a seeded choice of faults
    async with ground.fleet("day", SHAPE, redis=ground.redis) as crew:
        saga = await crew.submit("saga", {"text": "하루 끝", "parts": PARTS}, project="saga")
        feeding = asyncio.create_task(fed(crew, LOAD))
        names = [dice.choice(sorted(ACTS)) for _ in range(faults - len(ACTS))]
        drawn = [*ACTS, *names][:faults]
        dice.shuffle(drawn)
        for name in drawn:
            await ACTS[name](Scene(crew, ground.postgres, dice))
            await _whole(crew)
            await asyncio.sleep(SHAPE.lease_s + dice.uniform(0.0, 1.0))
        runs = await feeding
        await crew.rest([*runs, saga], within_s=within_s)
        calls = LOAD.calls + calls_of(PARTS)
        return await asyncio.to_thread(audit, crew, [*runs, saga], calls=calls), len(drawn)


async def _kill(scene: Scene) -> None:
    await scene.crew.kill(scene.dice.choice(scene.crew.members))


async def _sleep(scene: Scene) -> None:
    member = scene.dice.choice(scene.crew.members)
    assert member.process  # noqa: S101 - it is at work
    member.process.send_signal(signal.SIGSTOP)
    await scene.crew.struck(member, time.time())
    await asyncio.sleep(2 * scene.crew.shape.lease_s)
    member.process.send_signal(signal.SIGCONT)


async def _restart(scene: Scene) -> None:
    await scene.crew.end(scene.dice.choice(scene.crew.members))


async def _flush(scene: Scene) -> None:
    from redis import Redis

    with Redis.from_url(scene.crew.redis.url) as client:
        client.flushall()


async def _redis(scene: Scene) -> None:
    await asyncio.to_thread(scene.crew.redis.kill)
    await asyncio.sleep(AWAY_S)
    await asyncio.to_thread(scene.crew.redis.start)


async def _postgres(scene: Scene) -> None:
    # A lease that ran out meanwhile may be somebody else's before its owner is heard again: the
    # calls of that moment count as in flight.
    flying = len(scene.crew.in_flight())
    if scene.dice.random() < EVEN:
        await asyncio.to_thread(scene.postgres.kill)
    await asyncio.to_thread(scene.postgres.restart)
    scene.crew.allow(flying)


async def _model_down(scene: Scene) -> None:
    await _script(scene, Fault(503, "every", 1))


async def _throttled(scene: Scene) -> None:
    await _script(scene, Fault(429, "every", 2))


async def _script(scene: Scene, fault: Fault) -> None:
    latency_ms = scene.crew.shape.latency_ms
    scene.crew.server.set_script(Script(faults=(fault,), latency_ms=latency_ms, retry_after_s=0.2))
    await asyncio.sleep(AWAY_S)
    scene.crew.server.set_script(Script(latency_ms=latency_ms))


async def _disk(scene: Scene) -> None:
    """Leave one worker no room for any file for a while."""
    member = scene.dice.choice(scene.crew.members)
    assert member.process  # noqa: S101 - it is at work
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(member.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    await asyncio.sleep(AWAY_S)
    if member.alive:
        resource.prlimit(member.process.pid, resource.RLIMIT_FSIZE, unlimited)


ACTS: Mapping[str, Act] = {
    "kill": _kill,
    "sleep": _sleep,
    "restart": _restart,
    "flush": _flush,
    "redis": _redis,
    "postgres": _postgres,
    "model_down": _model_down,
    "throttled": _throttled,
    "disk": _disk,
}


async def _whole(crew: Fleet) -> None:
    """Start again whoever has ended."""
    gone: list[Member] = [member for member in crew.members if not member.alive]
    await asyncio.gather(*(crew.start(member) for member in gone))
