"""A service beside workers: Redis rings and nudges, PostgreSQL or SQLite holds what is true."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from pydantic import SecretStr

from fabula.gateway.faults import no_hook
from fabula.runs.execution import Setup
from fabula.runs.queue.nudging import open_nudges
from fabula.runs.queue.pool import Pool
from fabula.service import create_app
from fabula.settings import Settings
from fabula.store.engine import Store
from fabula.store.events import list_events
from fabula.testing.echo import ECHO
from tests.service.live import live, parsed, posted

PRODUCTS = {"echo": ECHO}


@pytest.fixture
def shared(settings: Settings, redis_url: str, database_url: str | None) -> Settings:
    return settings.model_copy(
        update={"redis_url": SecretStr(redis_url), "database_url": database_url}
    )


@asynccontextmanager
async def worker(settings: Settings) -> AsyncIterator[Pool]:
    """Execute what is due as another process would: with a store of its own."""
    async with AsyncExitStack() as stack:
        store = await Store.open(settings)
        stack.push_async_callback(store.close)
        tell = await stack.enter_async_context(open_nudges(settings))
        pool = Pool(
            Setup(settings, store, no_hook, {}, None),
            products=PRODUCTS,
            listener=lambda run, _: tell(run),
            on_end=lambda claimed, _: tell(claimed.row.id),
        )
        stack.push_async_callback(pool.close)
        pool.start()
        yield pool


async def test_a_run_that_a_worker_executes_is_followed_to_its_end(shared: Settings) -> None:
    app = create_app(shared, products=PRODUCTS)
    async with live(app) as api:
        assert app.state.service.pool is None
        run = await posted(api, brief={"text": "가을", "count": 20})
        assert (await api.get(f"/v1/runs/{run}", params={"wait": 0.2})).json()["status"] == "queued"
        async with worker(shared), api.stream("GET", f"/v1/runs/{run}/events") as answer:
            seen = [one async for one in parsed(answer.aiter_bytes())]
        stored = [event.seq for event in await list_events(app.state.service.store, run)]
    assert [int(one["id"]) for one in seen[:-1]] == stored
    assert seen[-1]["data"]["status"] == "succeeded"


async def test_a_run_that_a_worker_executes_is_cancelled(shared: Settings) -> None:
    async with live(create_app(shared, products=PRODUCTS)) as api, worker(shared):
        run = await posted(api, brief={"text": "가을", "count": 200})
        async with api.stream("GET", f"/v1/runs/{run}/events") as answer:
            async for one in parsed(answer.aiter_bytes()):
                if one["event"] == "step.finished":
                    break
        assert (await api.post(f"/v1/runs/{run}/cancel")).status_code == 202
        seen = (await api.get(f"/v1/runs/{run}", params={"wait": 30})).json()
        assert seen["status"] == "cancelled"


async def test_pages_filters_and_keys_are_the_same_on_each_database(shared: Settings) -> None:
    async with live(create_app(shared, products=PRODUCTS)) as api:
        made = [await posted(api, project="p", thread=f"t{number}") for number in range(5)]
        page = (await api.get("/v1/runs", params={"limit": 2, "project": "p"})).json()
        rest = (await api.get("/v1/runs", params={"limit": 3, "cursor": page["next"]})).json()
        seen = [one["run_id"] for one in (*page["runs"], *rest["runs"])]
        assert seen == made[::-1]
        assert rest["next"] is None
        header = {"Idempotency-Key": "k"}
        body = {"product": "echo", "brief": {"text": "a"}}
        answers = await asyncio.gather(
            *(api.post("/v1/runs", json=body, headers=header) for _ in range(20))
        )
        assert len({answer.json()["run_id"] for answer in answers}) == 1
