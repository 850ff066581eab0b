"""A run is the same on each database, and outlives its server."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import psycopg
import pytest

from fabula.gateway.faults import FaultPoint, no_hook
from fabula.gateway.provider import ChatRequest
from fabula.runs import Runner
from fabula.runs.execution import Setup
from fabula.runs.queue.pool import Pool
from fabula.runs.queue.queueing import RunQueue
from fabula.runs.queue.ringing import NoBell
from fabula.settings import Settings
from fabula.store.engine import Store
from fabula.store.postgres import APPLICATION
from fabula.store.runs import get_run
from fabula.testing.echo import ECHO
from fabula.testing.scripted import ScriptedModel, scripted_provider
from fabula.testing.servers import PostgresServer

EXAMPLE = Path("examples/magazine/brief.yaml").resolve()


def answer(request: ChatRequest) -> object:
    return {"title": "가을"} if request.agent == "echo.plan" else {"text": f"글 {request.item}"}


def files_of(folder: Path) -> dict[str, bytes]:
    found = (file for file in folder.rglob("*") if file.is_file() and file.name != "run.json")
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in found}


def homes(tmp_path: Path, postgres_url: str) -> dict[str, Settings]:
    return {
        "file": Settings(home=tmp_path / "a"),
        "server": Settings(home=tmp_path / "b", database_url=postgres_url),
    }


async def test_the_magazine_is_the_same_on_each_database(tmp_path: Path, postgres_url: str) -> None:
    made = {}
    for name, settings in homes(tmp_path, postgres_url).items():
        result = await Runner(settings).run("magazine", EXAMPLE, out=tmp_path / name)
        assert result.status == "succeeded"
        made[name] = files_of(tmp_path / name)
    assert made["file"] == made["server"]
    assert {"index.html", "layout.json"} <= made["file"].keys()


async def test_echo_is_the_same_on_each_database(tmp_path: Path, postgres_url: str) -> None:
    made, paid = {}, {}
    for name, settings in homes(tmp_path, postgres_url).items():
        model = ScriptedModel(default=answer)
        runner = Runner(
            settings, products={"echo": ECHO}, providers={"offline": scripted_provider(model)}
        )
        result = await runner.run("echo", {"text": "가을", "count": 6}, out=tmp_path / name)
        assert (result.status, result.outcome) == ("succeeded", "complete")
        made[name], paid[name] = files_of(tmp_path / name), model.calls
    assert made["file"] == made["server"]
    assert paid == {"file": 7, "server": 7}


@pytest.mark.parametrize("point", ["after_pay", "after_checkpoint"])
async def test_a_run_goes_on_over_a_server_that_is_away_and_pays_nothing_twice(
    tmp_path: Path, point: FaultPoint
) -> None:
    with PostgresServer() as server:
        settings = Settings(home=tmp_path / "home", database_url=server.create_database("d"))
        seen: Counter[str] = Counter()
        back: list[asyncio.Task[None]] = []

        def away() -> None:
            server.kill()
            # Longer than the store has patience where only a paid answer waits for it.
            if point == "after_pay":
                time.sleep(7)
            server.start()

        async def hook(at: FaultPoint, known: Mapping[str, str]) -> None:
            seen[at] += 1
            if at == point and seen[at] == 2:
                back.append(asyncio.create_task(asyncio.to_thread(away)))
                while server.running:  # noqa: ASYNC110 - a process
                    await asyncio.sleep(0.01)

        model = ScriptedModel(default=answer)
        runner = Runner(
            settings,
            products={"echo": ECHO},
            providers={"offline": scripted_provider(model)},
            hook=hook,
        )
        result = await runner.run("echo", {"text": "가을", "count": 3}, flags={"writers": 1})
        await asyncio.gather(*back)
    assert back
    assert (result.status, result.outcome, model.calls) == ("succeeded", "complete", 4)


async def test_a_process_that_was_stopped_amid_a_pipeline_keeps_no_run_from_the_others(
    tmp_path: Path, postgres_url: str
) -> None:
    settings = Settings(home=tmp_path, database_url=postgres_url, lease_s=0.9, sweep_s=0.05)
    store = await Store.open(settings)
    products = {"echo": ECHO}
    run, _ = await RunQueue(settings, store, NoBell(), products=products).submit(
        "echo", {"text": "가을", "count": 2}
    )
    # Nothing asks the server to end what was sent, as when the process is stopped before it does.
    stopped = psycopg.connect(postgres_url, autocommit=True, application_name=APPLICATION)
    stopped.pgconn.enter_pipeline_mode()
    stopped.pgconn.send_query_params(b"SELECT id FROM runs FOR UPDATE", None)
    stopped.pgconn.send_flush_request()
    stopped.pgconn.flush()
    pool = Pool(Setup(settings, store, no_hook, {}, None), products=products)
    pool.start()
    try:
        async with asyncio.timeout(20):
            while (await get_run(store, run)).status != "succeeded":  # noqa: ASYNC110 - a row
                await asyncio.sleep(0.05)
    finally:
        await pool.close()
        stopped.close()
        await store.close()
