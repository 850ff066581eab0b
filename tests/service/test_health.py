from __future__ import annotations

import asyncio

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import text as sql
from sqlalchemy.ext.asyncio import AsyncConnection

from fabula.errors import StoreUnavailable
from fabula.service import create_app, health
from fabula.settings import Settings
from fabula.store.keys import create_key
from fabula.testing.echo import ECHO
from fabula.testing.servers import RedisServer
from tests.service.conftest import serving

PARTS = {"database", "migrations", "redis", "workers", "disk"}


async def test_a_whole_service_is_ready_part_by_part(api: httpx.AsyncClient) -> None:
    answer = await api.get("/health/ready")
    seen = answer.json()
    assert (answer.status_code, seen["status"], seen["down"]) == (200, "ok", [])
    assert set(seen["parts"]) == PARTS
    assert seen["parts"]["redis"]["status"] == "not_used"
    assert seen["parts"]["workers"]["status"] == "ok"


async def test_being_alive_asks_nobody_and_needs_no_key(
    app: FastAPI, api: httpx.AsyncClient
) -> None:
    await create_key(app.state.service.store, owner="ann")
    await asyncio.sleep(1.1)
    assert (await api.get("/health/live")).json() == {"status": "ok"}


async def test_a_probe_needs_no_key_and_is_told_no_details(
    app: FastAPI, api: httpx.AsyncClient
) -> None:
    _, token = await create_key(app.state.service.store, owner="ann")
    await asyncio.sleep(1.1)
    asked = await api.get("/health/ready")
    told = await api.get("/health/ready", headers={"X-API-Key": token})
    assert (asked.status_code, told.status_code) == (200, 200)
    assert asked.json()["parts"]["workers"] == {"status": "ok"}
    assert told.json()["parts"]["workers"]["detail"].startswith("in this process")


async def test_a_database_that_is_away_is_named(
    app: FastAPI, api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*args: object) -> None:
        raise StoreUnavailable("the database at me:word@host does not answer")

    monkeypatch.setattr(app.state.service.store, "read", away)
    found = await health.readiness(app.state.service)
    assert found.down == ["database", "migrations"]
    assert found.parts["database"].detail == "StoreUnavailable"
    assert "word" not in found.model_dump_json()


async def test_another_schema_is_named(app: FastAPI, api: httpx.AsyncClient) -> None:
    async def older(connection: AsyncConnection) -> None:
        await connection.execute(sql("UPDATE alembic_version SET version_num = '0001'"))

    await app.state.service.store.write(older)
    answer = await api.get("/health/ready")
    assert (answer.status_code, answer.json()["down"]) == (503, ["migrations"])
    assert "0001" in answer.json()["parts"]["migrations"]["detail"]


async def test_a_full_disk_is_named(settings: Settings) -> None:
    greedy = settings.model_copy(update={"disk_room_bytes": 10**18})
    async with serving(create_app(greedy, products={"echo": ECHO})) as api:
        answer = await api.get("/health/ready")
    assert (answer.status_code, answer.json()["down"]) == (503, ["disk"])


async def test_a_pool_that_has_ended_is_named(app: FastAPI, api: httpx.AsyncClient) -> None:
    await app.state.service.pool.close()
    assert (await api.get("/health/ready")).json()["down"] == ["workers"]


async def test_a_part_that_says_nothing_is_down(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(service: object) -> health.Part:
        await asyncio.sleep(60)
        return health.Part(status="ok")

    monkeypatch.setattr(health, "ANSWER_S", 0.05)
    monkeypatch.setattr(health, "CHECKS", {**health.CHECKS, "disk": silent, "redis": silent})
    answer = await api.get("/health/ready")
    told = answer.json()
    assert (answer.status_code, told["status"]) == (503, "down")
    assert (told["down"], told["away"]) == (["disk"], ["redis"])


async def test_redis_and_its_workers_are_asked_for(settings: Settings) -> None:
    from redis.asyncio import Redis

    with RedisServer() as server:
        shared = settings.model_copy(update={"redis_url": SecretStr(server.url)})
        async with serving(create_app(shared, products={"echo": ECHO})) as api:
            answer = await api.get("/health/ready")
            first = answer.json()
            assert (answer.status_code, first["status"]) == (200, "degraded")
            assert (first["down"], first["away"]) == ([], ["workers"])
            assert "interactive, batch" in first["parts"]["workers"]["detail"]
            async with Redis.from_url(server.url) as client:
                for queue in ("interactive", "batch"):
                    await client.set(f"fabula:bell:{queue}:health-check", "alive")
            assert (await api.get("/health/ready")).json()["status"] == "ok"
            server.stop()
            answer = await api.get("/health/ready")
            gone = answer.json()
            assert (answer.status_code, gone["away"]) == (200, ["redis", "workers"])
            assert server.url not in str(gone)
