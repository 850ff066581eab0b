from __future__ import annotations

import json
import logging
import time
from pathlib import Path

import pytest

from fabula.runs.queue.ringing import MOST_BELLS, NoBell, RedisBell, bell_queue, connect, open_bell
from fabula.settings import Settings
from fabula.testing.servers import RedisServer, free_port


def settings_of(home: Path, redis_url: str | None) -> Settings:
    return Settings.model_validate({"home": home, "redis_url": redis_url})


async def test_a_ring_is_a_job_that_names_a_queue_and_nothing_else(
    redis_url: str, tmp_path: Path
) -> None:
    async with open_bell(settings_of(tmp_path, redis_url)) as bell:
        await bell.ring("batch")
    client = connect(redis_url, answer_s=1.0, tries=0)
    (job,) = await client.zrange(bell_queue("batch"), 0, -1)
    body = json.loads(await client.get(f"arq:job:{job.decode()}"))
    await client.aclose()
    assert (body["f"], body["a"], body["k"]) == ("bell", ["batch"], {})


async def test_rings_that_nobody_hears_do_not_pile_up(redis_url: str) -> None:
    client = connect(redis_url, answer_s=1.0, tries=0)
    bell = RedisBell(client)
    for _ in range(MOST_BELLS * 2):
        await bell.ring("batch")
    waiting = await client.zcard(bell_queue("batch"))
    await client.aclose()
    assert waiting == MOST_BELLS


async def test_a_bell_without_redis_never_raises_is_quick_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "fabula.runs")
    began = time.monotonic()
    async with open_bell(settings_of(tmp_path, f"redis://127.0.0.1:{free_port()}/0")) as bell:
        for _ in range(50):
            await bell.ring("batch")
    assert time.monotonic() - began < 5
    assert [one.getMessage() for one in caplog.records if "bell" in one.getMessage()] == [
        "bell not rung, workers sweep error=ConnectionError"
    ]


async def test_a_bell_rings_again_once_redis_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fabula.runs.queue.ringing.REST_S", 0.0)
    with RedisServer() as server:
        client = connect(server.url, answer_s=1.0, tries=0)
        bell = RedisBell(client)
        await bell.ring("batch")
        server.kill()
        await bell.ring("batch")
        server.start()
        await bell.ring("batch")
        assert await client.zcard(bell_queue("batch")) == 1
        await client.aclose()


async def test_without_a_redis_the_bell_is_silent(tmp_path: Path) -> None:
    async with open_bell(settings_of(tmp_path, None)) as bell:
        assert isinstance(bell, NoBell)
        await bell.ring("batch")
