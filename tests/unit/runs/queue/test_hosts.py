from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from redis.asyncio import Redis

from fabula.runs.queue.hosts import ALIVE_S, PRESENT, Place, Presence, SeveralHosts
from fabula.settings import Settings

SERVER = "postgresql://user@127.0.0.1:1/fabula"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Redis]:
    made = Redis.from_url(redis_url)
    yield made
    await made.aclose()


def elsewhere(settings: Settings) -> Place:
    here = Place.of(settings)
    return replace(here, machine="another", host="blue", store=f"{here.store}-of-another")


async def test_one_machine_with_one_home_is_one_place(settings: Settings, client: Redis) -> None:
    container = replace(Place.of(settings), host="a-container-of-this-machine")
    async with Presence(settings, client, place=container), Presence(settings, client) as mine:
        await mine.refuse_strangers()


async def test_a_host_that_shares_the_home_is_found_in_the_home(settings: Settings) -> None:
    async with (
        Presence(settings, None, place=elsewhere(settings)),
        Presence(settings, None) as mine,
    ):
        with pytest.raises(SeveralHosts, match=r"`blue`.*FABULA_DATABASE_URL"):
            await mine.refuse_strangers()


async def test_a_host_with_a_home_of_its_own_is_found_through_redis(
    settings: Settings, client: Redis, tmp_path: Path
) -> None:
    theirs = Settings(home=tmp_path / "their-home")
    async with Presence(theirs, client), Presence(settings, client) as mine:
        with pytest.raises(SeveralHosts, match="FABULA_DATABASE_URL"):
            await mine.refuse_strangers()


async def test_a_file_beside_a_server_is_refused_and_a_server_never(
    settings: Settings, client: Redis
) -> None:
    served = settings.model_copy(update={"database_url": SERVER})
    served.__dict__.pop("store_url", None)
    async with Presence(settings, client) as mine, Presence(served, client) as theirs:
        await theirs.refuse_strangers()
        with pytest.raises(SeveralHosts):
            await mine.refuse_strangers()


async def test_who_left_counts_no_more(settings: Settings, client: Redis) -> None:
    async with Presence(settings, client, place=elsewhere(settings)):
        pass
    async with Presence(settings, client) as mine:
        await mine.refuse_strangers()
        assert await client.zcard(PRESENT) == 1
    assert await client.zcard(PRESENT) == 0


async def test_who_died_counts_no_more_after_a_while(settings: Settings, client: Redis) -> None:
    other = elsewhere(settings)
    told = {"machine": other.machine, "host": other.host, "store": other.store, "pid": 1}
    seconds, _ = await client.time()
    await client.zadd(PRESENT, {json.dumps(told): seconds - ALIVE_S - 1})
    left = settings.home / "present" / "left.json"
    left.parent.mkdir(parents=True)
    left.write_text(json.dumps(told))
    os.utime(left, (1.0, 1.0))
    async with Presence(settings, client) as mine:
        await mine.refuse_strangers()
