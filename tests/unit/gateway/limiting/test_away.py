"""Redis goes away: the safe share of one process, and the way back."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from fabula.gateway.limiting.desk import Head
from fabula.gateway.limiting.queue import QueuedLimiter
from fabula.gateway.limiting.shared import AWAY_S, RedisDesk
from fabula.gateway.limits import Limit, Limits
from fabula.testing.servers import RedisServer, ServerMissing

MODEL = "openai:m"
LIMITS = Limits({MODEL: Limit(rpm=2400)})


@pytest.fixture
def server() -> Iterator[RedisServer]:
    try:
        own = RedisServer()
    except ServerMissing as missing:
        pytest.skip(missing.en)
    with own:
        yield own


@pytest.fixture
async def desks(server: RedisServer) -> AsyncIterator[list[RedisDesk]]:
    made = [RedisDesk(LIMITS, server.url) for _ in range(4)]
    yield made
    for one in made:
        await one.close()


async def _taken(desk: RedisDesk, *, for_s: float) -> tuple[int, float]:
    """Take all that is let through for a while, locally; return how much, and in which time."""
    began, taken = time.monotonic(), 0
    while time.monotonic() < began + for_s:
        grants = await desk.grant(MODEL, [Head("p", (1,) * 16)])
        assert grants.local
        taken += grants.counts[0]
        await asyncio.sleep(0.01)
    return taken, time.monotonic() - began


async def _until_away(desk: RedisDesk, *, within_s: float = 10.0) -> float:
    """Wait until the desk stands on its own; return how long nothing at all was let through."""
    began = time.monotonic()
    while not (grants := await desk.grant(MODEL, [Head("p", (1,) * 16)])).local:
        assert grants.counts == (0,)
        assert time.monotonic() < began + within_s
        await asyncio.sleep(grants.wait_s)
    return time.monotonic() - began


async def test_without_redis_each_keeps_to_its_share_warns_once_and_comes_back(
    server: RedisServer, desks: list[RedisDesk], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "fabula.gateway")
    for _ in range(2):
        for desk in desks:
            await desk.grant(MODEL, [Head("p", (1,))])
    server.kill()
    silent = await asyncio.gather(*(_until_away(desk) for desk in desks))
    assert min(silent) > AWAY_S - 0.5
    shares = await asyncio.gather(*(_taken(desk, for_s=2.0) for desk in desks))
    # 40 a second, shared by four.
    assert all(5 <= taken <= 10 * took_s + 1 for taken, took_s in shares)
    warned = [one for one in caplog.records if one.levelno == logging.WARNING]
    assert len(warned) == len(desks)
    assert "workers=4" in warned[0].getMessage()
    server.start()
    deadline = time.monotonic() + 10
    while (await desks[0].grant(MODEL, [Head("p", (1,))])).local:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    assert any("redis is back" in one.getMessage() for one in caplog.records)


async def test_who_never_saw_redis_takes_a_tenth() -> None:
    desk = RedisDesk(LIMITS, "redis://127.0.0.1:1/0")
    await _until_away(desk)
    taken, took_s = await _taken(desk, for_s=2.0)
    await desk.close()
    assert 2 <= taken <= 4 * took_s + 1


async def test_a_redis_that_hangs_holds_nobody_up(
    server: RedisServer, desks: list[RedisDesk]
) -> None:
    await desks[0].grant(MODEL, [Head("p", (1,))])
    os.kill(server.pid, signal.SIGSTOP)
    try:
        assert await _until_away(desks[0]) < 5
        taken, _ = await _taken(desks[0], for_s=2.5)
        assert taken > 0
    finally:
        os.kill(server.pid, signal.SIGCONT)


async def test_calls_that_wait_while_redis_is_killed_go_on(
    server: RedisServer, desks: list[RedisDesk]
) -> None:
    limiters = [QueuedLimiter(LIMITS, desk) for desk in desks]
    done = 0

    async def calls(limiter: QueuedLimiter) -> None:
        nonlocal done
        for _ in range(5):
            async with limiter.admit(model=MODEL, project="p", tokens=1) as admitted:
                done += 1
                if done == 30:
                    await asyncio.to_thread(server.kill)
                if done == 60:
                    await asyncio.to_thread(server.start)
                admitted.settle(1)

    began = time.monotonic()
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        for limiter in limiters:
            for _ in range(5):
                group.create_task(calls(limiter))
    assert done == 100
    # Never faster than the limit, whatever stood in for it.
    assert time.monotonic() - began > 100 / 40 - 1 - 0.5
