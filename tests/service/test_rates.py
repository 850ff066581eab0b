from __future__ import annotations

import asyncio

from fabula.service.rates import LocalRates, Rates, RedisRates, burst
from fabula.testing.servers import RedisServer


async def allowed(rates: Rates, tries: int, *, key: str = "k", per_minute: float = 60) -> int:
    return [await rates.take(key, per_minute) for _ in range(tries)].count(0.0)


def test_ten_seconds_worth_may_come_at_once() -> None:
    assert (burst(600), burst(60), burst(10), burst(3), burst(0.5)) == (100, 10, 10, 3, 1)


async def test_a_bucket_empties_and_fills_at_its_rate() -> None:
    now = 100.0
    rates = LocalRates(clock=lambda: now)
    assert await allowed(rates, 30) == 10
    assert 0.9 < await rates.take("k", 60) <= 1.0
    now += 2.0
    assert await allowed(rates, 10) == 2
    now += 3600.0
    assert await allowed(rates, 30) == 10


async def test_each_key_has_its_own_bucket() -> None:
    rates = LocalRates(clock=lambda: 100.0)
    assert await allowed(rates, 30, key="a") == 10
    assert await allowed(rates, 30, key="b") == 10


async def test_no_more_buckets_are_kept_than_there_is_room_for() -> None:
    rates = LocalRates(clock=lambda: 100.0)
    for number in range(10_050):
        await rates.take(f"k{number}", 60)
    assert len(rates._buckets) == 10_000


async def test_processes_share_one_bucket_through_redis(redis_url: str) -> None:
    first, second = RedisRates(redis_url), RedisRates(redis_url)
    try:
        counts = await asyncio.gather(*(allowed(one, 20, per_minute=6) for one in (first, second)))
        assert sum(counts) == 6
        assert 0 < await first.take("k", 6) <= 10
        assert await allowed(second, 20, key="another", per_minute=6) == 6
    finally:
        await first.close()
        await second.close()


async def test_without_redis_each_process_keeps_to_its_share_and_goes_back() -> None:
    now = 100.0
    with RedisServer() as server:
        first, second = (RedisRates(server.url, clock=lambda: now) for _ in range(2))
        try:
            for one in (first, second, first):
                assert await one.take("seen", 6000) == 0
            server.stop()
            # Two processes were seen: each keeps to half of sixty a minute.
            assert await allowed(first, 30) == 5
            server.start()
            assert await first.take("k", 60) > 0, "redis is left alone for a second"
            now += 1.5
            assert await allowed(first, 30) == 10
        finally:
            await first.close()
            await second.close()


async def test_a_redis_that_was_never_there_leaves_a_tenth() -> None:
    rates = RedisRates("redis://127.0.0.1:1/0", clock=lambda: 100.0)
    try:
        assert await allowed(rates, 200, per_minute=600) == 10
    finally:
        await rates.close()
