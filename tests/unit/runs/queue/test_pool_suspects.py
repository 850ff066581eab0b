"""A run that loses its process again and again: kept from its like, given up in the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from fabula.gateway.faults import no_hook
from fabula.gateway.provider import ChatRequest
from fabula.runs.execution import Setup
from fabula.runs.queue.pool import MOST_STALLS, Pool
from fabula.runs.queue.queueing import RunQueue
from fabula.runs.queue.ringing import NoBell
from fabula.settings import Settings
from fabula.store.claims import Claimed, claim_run
from fabula.store.engine import Store
from fabula.store.events import list_events
from fabula.store.runs import RunRow, get_run
from fabula.store.tables import runs
from fabula.testing.echo import ECHO
from fabula.testing.scripted import ScriptedModel, scripted_provider

PRODUCTS = {"echo": ECHO}
BRIEF = {"text": "가을 산책", "count": 2}


def answer(request: ChatRequest) -> object:
    return {"title": "가을"} if request.agent == "echo.plan" else {"text": f"글 {request.item}"}


@pytest.fixture
async def setup(tmp_path: Path) -> AsyncIterator[Setup]:
    settings = Settings(home=tmp_path / "home", sweep_s=0.05)
    store = await Store.open(settings)
    model = ScriptedModel(rules=(), default=answer, latency_s=0.3)
    yield Setup(settings, store, no_hook, {"offline": scripted_provider(model)}, None)
    await store.close()


async def left_behind(setup: Setup, stalls: int) -> str:
    """Make a run whose processes died so often, without anything done since the first."""
    queue = RunQueue(setup.settings, setup.store, NoBell(), products=PRODUCTS)
    run, _ = await queue.submit("echo", BRIEF)
    dead: dict[str, Any] = {"status": "running", "worker": "dead", "lease_until": 1.0}
    changes = {**dead, "stalls": stalls, "mark": "0:0:1", "epoch": stalls + 1}
    await setup.store.write_row(update(runs).where(runs.c.id == run).values(**changes))
    return run


async def ended(setup: Setup, run: str) -> RunRow:
    async with asyncio.timeout(20):
        while True:
            row = await get_run(setup.store, run)
            if row.status not in ("queued", "running"):
                return row
            await asyncio.sleep(0.02)


async def test_the_fifth_takeover_without_progress_gives_the_run_up_with_an_alert(
    setup: Setup, caplog: pytest.LogCaptureFixture
) -> None:
    run = await left_behind(setup, MOST_STALLS - 1)
    pool = Pool(setup, products=PRODUCTS)
    with caplog.at_level(logging.ERROR):
        await pool.serve("batch")
    await pool.close()
    row = await get_run(setup.store, run)
    assert (row.status, row.code, row.worker) == ("failed", "stuck", None)
    assert "resume" in row.reason["en"]
    assert [one.type for one in await list_events(setup.store, run)][-1] == "run.failed"
    assert f"run={run}" in caplog.text


async def test_one_takeover_less_executes_it(setup: Setup) -> None:
    run = await left_behind(setup, MOST_STALLS - 2)
    pool = Pool(setup, products=PRODUCTS)
    await pool.serve("batch")
    await pool.close()
    assert (await get_run(setup.store, run)).status == "succeeded"


async def test_a_run_given_up_can_be_resumed_by_a_person(setup: Setup) -> None:
    run = await left_behind(setup, MOST_STALLS - 1)
    pool = Pool(setup, products=PRODUCTS)
    await pool.serve("batch")
    await RunQueue(setup.settings, setup.store, NoBell(), products=PRODUCTS).resume(run)
    await pool.serve("batch")
    await pool.close()
    assert (await get_run(setup.store, run)).status == "succeeded"


async def test_two_suspects_never_share_a_process_until_one_goes_further(setup: Setup) -> None:
    asked: list[tuple[str, str | None]] = []

    async def spied(*given: Any, **named: Any) -> Claimed | None:
        claimed = await claim_run(*given, **named)
        asked.append((named["left"], claimed.row.id if claimed else None))
        return claimed

    first, second = await left_behind(setup, 1), await left_behind(setup, 1)
    pool = Pool(setup, products=PRODUCTS, claim=spied)
    pool.start()
    assert (await ended(setup, first)).status == "succeeded"
    assert (await ended(setup, second)).status == "succeeded"
    await pool.close()
    taken = [run for _, run in asked if run]
    between = asked[asked.index(("any", taken[0])) + 1 : asked.index(("any", taken[1]))]
    assert ("harmless", None) in between
