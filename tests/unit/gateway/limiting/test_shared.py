"""One count for several processes, in a real Redis."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack

import pytest
from redis import Redis

from fabula.gateway.limiting import provider_limits
from fabula.gateway.limiting.desk import UNSENT, Head, Outcome, Ticket
from fabula.gateway.limiting.local import LocalDesk
from fabula.gateway.limiting.queue import QueuedLimiter
from fabula.gateway.limiting.shared import GRACE_S, RedisDesk
from fabula.gateway.limits import Limit, Limits

MODEL = "openai:m"
Open = Callable[[Limit], RedisDesk]


@pytest.fixture
async def desk(redis_url: str) -> AsyncIterator[Open]:
    """Open desks, each as another worker's."""
    async with AsyncExitStack() as held:

        def open_one(limit: Limit) -> RedisDesk:
            made = RedisDesk(Limits({MODEL: limit}), redis_url)
            held.push_async_callback(made.close)
            return made

        yield open_one


async def _granted(desk: RedisDesk | LocalDesk, number: int, project: str = "p") -> int:
    return (await desk.grant(MODEL, [Head(project, (1,) * number)])).counts[0]


def jain(counts: Sequence[int]) -> float:
    return sum(counts) ** 2 / (len(counts) * sum(one * one for one in counts))


async def test_two_workers_take_from_one_bucket(desk: Open) -> None:
    one, two = desk(Limit(rpm=6)), desk(Limit(rpm=6))
    assert await _granted(one, 3) == 1
    assert await _granted(two, 3) == 0


@pytest.mark.parametrize(
    "limit",
    [
        Limit(rpm=6),
        Limit(tpm=60),
        Limit(rpm=6, tpm=60, project_share=0.5),
        Limit(rpm=60, burst_s=10),
    ],
)
async def test_it_counts_as_one_process_does(desk: Open, limit: Limit) -> None:
    shared, local = desk(limit), LocalDesk(Limits({MODEL: limit}))
    heads = [Head("a", (40, 3)), Head("b", (1, 2, 3)), Head("c", (0,))]
    for number in range(12):
        mine, theirs = await shared.grant(MODEL, heads), await local.grant(MODEL, heads)
        assert mine.counts == theirs.counts
        assert mine.wait_s == pytest.approx(min(theirs.wait_s, 0.25), abs=0.1)
        project, tokens = ("a", 40) if number % 2 else ("b", 1)
        outcome = UNSENT if number % 3 else Outcome(tokens=tokens - 1)
        for one, grants in ((shared, mine), (local, theirs)):
            await one.settle(Ticket(MODEL, project, tokens, grants.at, local=False), outcome)


async def test_a_429_slows_everybody_down_once_and_pauses_all(desk: Open) -> None:
    limit = Limit(rpm=6000, burst_s=1)
    one, two = desk(limit), desk(limit)
    at = (await one.grant(MODEL, [Head("p", (1,))])).at
    ticket = Ticket(MODEL, "p", 1, at, local=False)
    for worker in (one, two, one):
        await worker.settle(ticket, Outcome(throttled=True, retry_after_s=0.3))
    assert await _granted(two, 5) == 0
    assert two._seen()[MODEL] == 0.75
    paused_at = time.monotonic()
    while not await _granted(two, 5):
        assert time.monotonic() < paused_at + 5
        await asyncio.sleep(0.01)
    assert time.monotonic() - paused_at > 0.2


async def test_every_key_ends_by_itself(desk: Open, redis_url: str) -> None:
    worker = desk(Limit(rpm=1, tpm=100, project_share=0.5))
    grants = await worker.grant(MODEL, [Head("p", (5, 5))])
    await worker.settle(Ticket(MODEL, "p", 5, grants.at, local=False), Outcome(tokens=3))
    with Redis.from_url(redis_url, decode_responses=True) as client:
        keys = client.keys("*")
        assert isinstance(keys, list)
        assert len(keys) == 4
        assert all(0 < int(str(client.ttl(key))) <= 600 for key in keys)


async def test_ten_projects_of_three_workers_get_equal_turns(desk: Open) -> None:
    limits = Limits({MODEL: Limit(rpm=6000)})
    limiters = [QueuedLimiter(limits, desk(Limit(rpm=6000))) for _ in range(3)]
    counts: Counter[str] = Counter()
    until = time.monotonic() + 4

    async def calls(limiter: QueuedLimiter, project: str) -> None:
        while time.monotonic() < until:
            async with limiter.admit(model=MODEL, project=project, tokens=1) as admitted:
                # Those that wait at the end are let through after it, thirty against three.
                counts[project] += time.monotonic() < until
                admitted.settle(1)

    # The greedy one asks all three workers; each of the others has calls at one alone.
    asking = [(limiter, "greedy") for limiter in limiters for _ in range(10)]
    asking += [(limiters[number % 3], f"p{number}") for number in range(9) for _ in range(3)]
    async with asyncio.TaskGroup() as group:
        for limiter, project in asking:
            group.create_task(calls(limiter, project))
    for limiter in limiters:
        await limiter.close()
    assert len(counts) == 10
    assert jain(list(counts.values())) >= 0.99
    assert 200 <= sum(counts.values()) <= 5 * 100


async def test_a_worker_that_died_waiting_is_not_waited_for(desk: Open) -> None:
    dead, alive = desk(Limit(rpm=1200)), desk(Limit(rpm=1200))
    await _granted(dead, 1, "z")
    assert await _granted(dead, 16, "a") == 0
    # Its project comes first by its name, and would take all that comes in.
    began = time.monotonic()
    taken = 0
    while taken < 20:
        assert time.monotonic() < began + 10
        taken += await _granted(alive, 3, "z")
        await asyncio.sleep(0.02)
    assert time.monotonic() - began < 1 + 0.25 + GRACE_S + 3


async def test_a_share_holds_a_project_back_over_all_workers(desk: Open) -> None:
    limit = Limit(rpm=1200, project_share=0.1)
    one, two = desk(limit), desk(limit)
    began, taken = time.monotonic(), 0
    while time.monotonic() < began + 2:
        taken += await _granted(one, 8) + await _granted(two, 8)
        await asyncio.sleep(0.01)
    # Two a second, and the two of the burst.
    assert 3 <= taken <= 2 * (time.monotonic() - began) + 3


async def test_an_emptied_redis_begins_anew_without_a_burst(desk: Open, redis_url: str) -> None:
    worker = desk(Limit(rpm=6000))
    at = (await worker.grant(MODEL, [Head("p", (1,))])).at
    await worker.settle(Ticket(MODEL, "p", 1, at, local=False), Outcome(throttled=True))
    await asyncio.sleep(0.3)
    with Redis.from_url(redis_url) as client:
        for _ in range(3):
            client.flushall()
            client.script_flush()
            assert await _granted(worker, 16) <= 1
    assert worker._seen()[MODEL] == pytest.approx(0.75)
    assert worker._local is None


async def test_runs_with_the_same_redis_share_one_client(redis_url: str) -> None:
    limits = Limits({MODEL: Limit(rpm=6000)})
    async with provider_limits(limits, redis_url) as one, provider_limits(limits, redis_url) as two:
        assert one is two
        async with one.admit(model=MODEL, project="p", tokens=1) as admitted:
            admitted.settle(1)
    with Redis.from_url(redis_url) as client:
        assert client.exists("fabula:limits:{openai:m}:bucket")
