"""A run in parts: how far it has come, by the API and on the pages."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import update

from fabula.service import create_app
from fabula.settings import Settings
from fabula.store.engine import Store
from fabula.store.tables import events, runs
from fabula.testing.parts import SAGA
from fabula.testing.scripted import ScriptedModel, scripted_provider
from tests.service.live import ended, posted, serving

PARTS = 8
SAGA_RUN = {"product": "saga", "brief": {"text": "긴 이야기", "parts": PARTS}}


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    model = ScriptedModel(default=lambda request: {"text": f"글 {request.item}"}, latency_s=0.05)
    return create_app(
        settings, products={"saga": SAGA}, providers={"offline": scripted_provider(model)}
    )


@pytest.fixture
async def api(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(app) as client:
        yield client


async def watched(api: httpx.AsyncClient, run: str, *, done: int) -> list[dict[str, Any]]:
    """Look again and again until so many parts are done; return each look."""
    seen: list[dict[str, Any]] = []
    async with asyncio.timeout(30):
        while not seen or (seen[-1]["progress"] or {"done": 0})["done"] < done:
            seen.append((await api.get(f"/v1/runs/{run}")).json())
            await asyncio.sleep(0.01)
    return seen


async def test_progress_is_in_parts_of_all_parts(api: httpx.AsyncClient) -> None:
    run = await posted(api, **SAGA_RUN)
    looks = [one for one in await watched(api, run, done=PARTS) if one["progress"]]
    told = [one["progress"] for one in looks]
    assert {one["total"] for one in told} == {PARTS}
    assert {one["unit"] for one in told} == {"parts"}
    assert [one["done"] for one in told] == sorted(one["done"] for one in told)
    assert {one["done"] for one in told} > {1, 4, PARTS - 1}
    for look in looks:
        one = look["progress"]
        assert one["done"] in (look["part"] - 1, look["part"])
        assert (one["eta_s"] is None) == (one["done"] == 0)
        if one["eta_s"] == 0:
            assert one["done"] == PARTS or one["steps"] == {"done": 3, "total": 3}
            assert one["done"] >= PARTS - 1
        assert one["steps"] is None or one["steps"]["total"] == 3
    last = await ended(api, run)
    assert last["status"] == "succeeded"
    assert last["progress"] == {
        "unit": "parts",
        "done": PARTS,
        "total": PARTS,
        "eta_s": 0.0,
        "steps": None,
    }


async def test_a_cancel_and_a_resume_keep_the_parts_done(api: httpx.AsyncClient) -> None:
    run = await posted(api, **SAGA_RUN)
    await watched(api, run, done=3)
    await api.post(f"/v1/runs/{run}/cancel")
    stopped = await ended(api, run)
    assert stopped["status"] == "cancelled"
    done = stopped["progress"]["done"]
    assert 3 <= done < PARTS
    assert stopped["progress"]["total"] == PARTS
    assert stopped["progress"]["eta_s"] > 0
    page = await api.get(f"/runs/{run}")
    assert f"{done} /{PARTS} 부분 parts" in words_in(page, "head")
    await api.post(f"/v1/runs/{run}/resume")
    looks = await watched(api, run, done=PARTS)
    assert all(one["progress"]["done"] >= done for one in looks)
    assert all(one["progress"]["eta_s"] > 0 for one in looks if one["progress"]["done"] < PARTS - 1)
    assert (await ended(api, run))["status"] == "succeeded"


async def test_between_two_parts_the_pages_say_that_it_goes_on(
    api: httpx.AsyncClient, app: FastAPI
) -> None:
    run, seen = await cancelled(api)
    store: Store = app.state.service.store
    # As if its turn had not come yet, nor its next part: nobody serves this queue.
    due = {"status": "queued", "queue": "nobody", "finished_at": None, "cancel_wanted": False}
    await store.write_row(update(runs).where(runs.c.id == run).values(**due))
    head = words_in(await api.get(f"/runs/{run}"), "head")
    assert f"다음 차례를 기다림 between parts 부분 / part {seen['part']}/{PARTS}" in head
    assert "대기" not in head
    left = re.search(r"남은 시간 ETA (\S+)", head)
    assert left
    assert left[1].endswith("초")
    row = words_in(await api.get("/runs"), f"run-{run}")
    assert "다음 차례를 기다림" in row
    assert f"{seen['progress']['done']}/{PARTS}" in row
    # One that has not begun waits for its first turn, and one with a time waits for that.
    for before in ({"part": 1}, {"part": 4, "not_before": 4e9}):
        await store.write_row(update(runs).where(runs.c.id == run).values(**before))
        for path, where in ((f"/runs/{run}", "head"), ("/runs", f"run-{run}")):
            shown = words_in(await api.get(path), where)
            assert "대기 queued" in shown
            assert "다음 차례" not in shown


async def test_the_time_left_does_not_run_out_while_a_run_rests(
    api: httpx.AsyncClient, app: FastAPI
) -> None:
    run, seen = await cancelled(api)
    store: Store = app.state.service.store
    mine = events.c.run == run
    # Long ago; then it is taken up again, and no step has ended since.
    await store.write_row(update(events).where(mine).values(at=events.c.at - 5000))
    taken = {"status": "running", "queue": "nobody", "worker": "w", "lease_until": 4e9}
    await store.write_row(update(runs).where(runs.c.id == run).values(**taken))
    assert eta(await api.get(f"/runs/{run}")) < -4000
    begins = mine & (events.c.type == "run.models")
    # So far ahead that no slow machine is there before the page is drawn.
    await store.write_row(update(events).where(begins).values(at=events.c.at + 6000))
    left = eta(await api.get(f"/runs/{run}"))
    assert 900 < left <= 1000 + seen["progress"]["eta_s"]


async def cancelled(api: httpx.AsyncClient) -> tuple[str, dict[str, Any]]:
    """Return a run that was stopped after its third part, and how it then stands."""
    run = await posted(api, **SAGA_RUN)
    await watched(api, run, done=3)
    await api.post(f"/v1/runs/{run}/cancel")
    seen = await ended(api, run)
    return run, seen


def eta(page: httpx.Response) -> float:
    """Return how many seconds the page counts down."""
    until, now = (
        re.search(rf'{name}="([\d.]+)"', page.text) for name in ("data-until", "data-now")
    )
    assert until
    assert now
    return float(until[1]) - float(now[1])


def words_in(page: httpx.Response, id_: str) -> str:
    """Return the words of one element of a page."""
    found = re.search(rf'<(\w+) id="{id_}".*?</(?:dl|tr)>', page.text, re.DOTALL)
    assert found
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[0]))
