from __future__ import annotations

import asyncio
from pathlib import Path

from fabula.runs.queue.nudging import hear, open_nudges
from fabula.settings import Settings
from fabula.testing.servers import RedisServer


async def heard_within(seen: list[str], run: str, settings: Settings) -> bool:
    """Tell of a run until somebody hears it."""
    async with open_nudges(settings) as tell:
        for _ in range(400):
            tell(run)
            if run in seen:
                return True
            await asyncio.sleep(0.02)
    return False


async def test_what_one_process_tells_another_hears(tmp_path: Path, redis_url: str) -> None:
    settings = Settings(home=tmp_path, redis_url=redis_url)
    seen: list[str] = []
    hearing = asyncio.create_task(hear(settings, seen.append))
    try:
        assert await heard_within(seen, "20260101-aaaaaaaaaa", settings)
    finally:
        hearing.cancel()
        await asyncio.wait([hearing])


async def test_words_of_one_moment_go_out_together(tmp_path: Path, redis_url: str) -> None:
    settings = Settings(home=tmp_path, redis_url=redis_url)
    seen: list[str] = []
    hearing = asyncio.create_task(hear(settings, seen.append))
    try:
        assert await heard_within(seen, "first", settings)
        await asyncio.sleep(0.1)
        seen.clear()
        async with open_nudges(settings) as tell:
            for _ in range(50):
                tell("run")
            for _ in range(100):
                if seen:
                    break
                await asyncio.sleep(0.02)
        assert seen == ["run"]
    finally:
        hearing.cancel()
        await asyncio.wait([hearing])


async def test_a_redis_that_is_away_stops_nobody(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, redis_url="redis://127.0.0.1:1/0")
    hearing = asyncio.create_task(hear(settings, lambda _: None))
    async with open_nudges(settings) as tell:
        tell("run")
        await asyncio.sleep(0.2)
    assert not hearing.done()
    hearing.cancel()
    await asyncio.wait([hearing])


async def test_a_redis_that_comes_back_is_heard_again(tmp_path: Path) -> None:
    seen: list[str] = []
    with RedisServer() as server:
        settings = Settings(home=tmp_path, redis_url=server.url)
        hearing = asyncio.create_task(hear(settings, seen.append))
        assert await heard_within(seen, "before", settings)
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        assert await heard_within(seen, "after", settings)
        hearing.cancel()
        await asyncio.wait([hearing])


async def test_without_a_redis_nobody_is_told(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    async with open_nudges(settings) as tell:
        tell("run")
    await hear(settings, lambda _: None)
