from __future__ import annotations

import asyncio
import json
import logging
import pickle
from pathlib import Path
from typing import Any

import pytest
from arq.connections import ArqRedis, RedisSettings, create_pool
from redis.asyncio import Redis

from fabula.client import enqueue
from fabula.errors import Conflict, FabulaError
from fabula.runs.queue.hosts import Place, Presence, SeveralHosts
from fabula.runs.queue.queueing import RunQueue
from fabula.runs.queue.ringing import JOBS_QUEUE, NoBell, bell_queue, open_bell
from fabula.settings import Settings
from fabula.store.engine import Store
from fabula.store.runs import RunRow, get_run
from fabula.testing.echo import ECHO
from fabula.testing.servers import RedisServer
from fabula.worker import Worker

BRIEF = {"text": "가을 산책", "count": 2}
PRODUCTS = {"echo": ECHO}


def settings_of(home: Path, redis_url: str | None, **given: Any) -> Settings:
    return Settings.model_validate({"home": home / "home", "redis_url": redis_url, **given})


def worker_of(settings: Settings, **given: Any) -> Worker:
    return Worker(settings, products=PRODUCTS, **given)


async def ended(settings: Settings, run: str, *, within_s: float = 20.0) -> RunRow:
    store = await Store.open(settings)
    try:
        async with asyncio.timeout(within_s):
            while True:
                row = await get_run(store, run)
                if row.status not in ("queued", "running"):
                    return row
                await asyncio.sleep(0.02)
    finally:
        await store.close()


async def submitted(settings: Settings, *, ring: bool = True, **options: Any) -> str:
    store = await Store.open(settings)
    try:
        async with open_bell(settings) as bell:
            queue = RunQueue(settings, store, bell if ring else NoBell(), products=PRODUCTS)
            run, _ = await queue.submit("echo", BRIEF, **options)
            return run
    finally:
        await store.close()


async def pool_of(url: str) -> ArqRedis:
    return await create_pool(RedisSettings.from_dsn(url))


async def test_a_ring_wakes_a_worker_that_does_not_sweep(redis_url: str, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, redis_url, sweep_s=3600)
    async with worker_of(settings).at_work():
        await asyncio.sleep(0.3)
        for queue in ("batch", "interactive"):
            run = await submitted(settings, queue=queue)
            assert (await ended(settings, run)).status == "succeeded"


async def test_a_worker_serves_its_own_queues_alone(redis_url: str, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, redis_url, sweep_s=0.05)
    async with worker_of(settings, queues=("batch",)).at_work():
        left = await submitted(settings, queue="interactive")
        done = await submitted(settings, queue="batch")
        assert (await ended(settings, done)).status == "succeeded"
        with pytest.raises(TimeoutError):
            await ended(settings, left, within_s=0.3)


async def test_a_worker_starts_and_works_while_redis_is_away_and_listens_once_it_is_there(
    tmp_path: Path,
) -> None:
    server = RedisServer()
    with server:
        url = server.url
        server.kill()
        settings = settings_of(tmp_path, url, sweep_s=0.05)
        async with worker_of(settings).at_work() as pool:
            run = await submitted(settings)
            assert (await ended(settings, run)).status == "succeeded"
            await asyncio.to_thread(server.start)
            # Nothing sweeps any more: what is done from here on was rung for.
            assert pool._sweeping
            pool._sweeping.cancel()
            run = await submitted(settings)
            assert (await ended(settings, run)).status == "succeeded"


async def test_a_worker_without_a_free_slot_leaves_the_bell_to_others(
    redis_url: str, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path, redis_url, sweep_s=3600, batch_slots=0)
    async with worker_of(settings).at_work():
        run = await submitted(settings)
        await asyncio.sleep(0.5)
        pool = await pool_of(redis_url)
        assert await pool.zcard(bell_queue("batch")) == 1
        await pool.aclose()
        other = settings.model_copy(update={"batch_slots": 1})
        async with worker_of(other).at_work():
            assert (await ended(settings, run)).status == "succeeded"


async def test_one_ring_wakes_as_many_slots_as_there_is_work(
    redis_url: str, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path, redis_url, sweep_s=3600)
    runs = [await submitted(settings, ring=False) for _ in range(5)]
    runs.append(await submitted(settings))
    async with worker_of(settings).at_work():
        for run in runs:
            assert (await ended(settings, run)).status == "succeeded"


async def test_another_application_enqueues_a_run_and_learns_its_id(
    redis_url: str, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path, redis_url)
    pool = await pool_of(redis_url)
    try:
        async with worker_of(settings).at_work():
            made = await enqueue(pool, "echo", BRIEF, key="order-7", project="shop")
            run = await made.run_id()
            again = await enqueue(pool, "echo", BRIEF, key="order-7", project="shop")
            assert (made.new, again.new, await again.run_id()) == (True, False, run)
            row = await ended(settings, run)
            assert (row.status, row.project) == ("succeeded", "shop")
            for other in ({**BRIEF, "count": 3}, {**BRIEF, "text": "겨울"}):
                with pytest.raises(Conflict, match="order-7") as caught:
                    await enqueue(pool, "echo", other, key="order-7", project="shop")
                assert caught.value.code == "idempotency_conflict"
            with pytest.raises(Conflict, match="order-7"):
                await enqueue(pool, "echo", BRIEF, key="order-7", project="other")
            bad = await enqueue(pool, "echo", {"text": ""})
            with pytest.raises(FabulaError, match="text"):
                await bad.run_id()
    finally:
        await pool.aclose()


async def test_a_job_that_waits_is_not_mistaken_for_another(redis_url: str) -> None:
    pool = await pool_of(redis_url)
    try:
        first = await enqueue(pool, "echo", BRIEF, key="order-8")
        assert not (await enqueue(pool, "echo", BRIEF, key="order-8")).new
        with pytest.raises(Conflict, match="order-8"):
            await enqueue(pool, "echo", {**BRIEF, "count": 3}, key="order-8")
        assert first.new
    finally:
        await pool.aclose()


async def test_jobs_of_other_kinds_are_answered_by_an_alert_and_the_worker_lives(
    redis_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    settings, refused = settings_of(tmp_path, redis_url), list[str]()
    all_refused = asyncio.Event()

    def count(why: str) -> None:
        refused.append(why)
        if len(refused) == 6:
            all_refused.set()

    pool = await pool_of(redis_url)
    try:
        # As an application does that knows ARQ alone: pickled, and calling what is not there.
        await pool.enqueue_job("run_product", "echo", BRIEF, _queue_name=JOBS_QUEUE)
        plain = ArqRedis(pool.connection_pool, job_serializer=_json, job_deserializer=json.loads)
        await plain.enqueue_job("make_coffee", _queue_name=JOBS_QUEUE)
        await plain.enqueue_job("run_product", _queue_name=bell_queue("batch"))
        await pool.set("arq:job:torn", b"\x00\x01")
        await pool.zadd(JOBS_QUEUE, {"torn": 1})
        # Times that ARQ would stumble over after it has read the job.
        odd: list[dict[str, Any]] = [{"t": "x", "et": 1}, {"t": None, "et": 10**20}]
        for number, times in enumerate(odd):
            job = {"f": "run_product", "a": ["echo", BRIEF], "k": {}, **times}
            await pool.set(f"arq:job:odd-{number}", json.dumps(job))
            await pool.zadd(JOBS_QUEUE, {f"odd-{number}": 1})
        async with worker_of(settings, on_refused=count).at_work():
            await asyncio.wait_for(all_refused.wait(), 20)
            run = await submitted(settings)
            assert (await ended(settings, run)).status == "succeeded"
        assert sorted(refused) == [*["format"] * 3, "function", "function", "pickle"]
        assert await pool.zcard(JOBS_QUEUE) == 0
    finally:
        await pool.aclose()
    alerts = [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR]
    assert len(alerts) == 6
    assert all("fabula.client.enqueue" in one for one in alerts)


async def test_a_worker_on_sqlite_refuses_to_work_beside_another_host(
    redis_url: str, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path, redis_url)
    theirs = settings_of(tmp_path / "another", redis_url)
    theirs_is = Place("m", "blue", "sqlite:m:1:1")
    async with (
        Redis.from_url(redis_url) as client,
        Presence(theirs, client, place=theirs_is),
    ):
        with pytest.raises(SeveralHosts, match="FABULA_DATABASE_URL"):
            async with worker_of(settings).at_work():
                raise AssertionError("it works")


def _json(job: Any) -> bytes:
    return json.dumps(job).encode()


def test_pickle_is_what_arq_sends_by_itself() -> None:
    assert pickle.dumps({})[:1] == b"\x80"
