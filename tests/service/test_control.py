"""Cancel, time limits, resume, decisions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from fabula.gateway.provider import ChatRequest
from fabula.service import create_app
from fabula.settings import Settings
from fabula.testing.echo import ECHO
from fabula.testing.loopback import LoopbackServer
from tests.service.live import ended, posted, serving, slow_echo

MAP = """
defaults: {max_output_tokens: 1000, call_timeout_s: 20}
profiles:
  local:
    "*": {model: "local:test"}
"""
PRICES = 'local:\n  "*": {input: 0, output: 0}\n'


@pytest.fixture
async def slow(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(slow_echo(settings, latency_s=0.2)) as client:
        yield client


async def until_running(api: httpx.AsyncClient, run: str) -> None:
    for _ in range(500):
        if (await api.get(f"/v1/runs/{run}")).json()["progress"]:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the run never began")


async def test_a_cancelled_run_says_so_and_asks_no_model_any_more(
    settings: Settings, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.mkdir()
    (config / "agent_model_map.yaml").write_text(MAP)
    (config / "prices.yaml").write_text(PRICES)
    with LoopbackServer(answer=_slowly) as server:
        local = settings.model_copy(
            update={"config_dir": config, "local_base_url": server.base_url, "local_model": "test"}
        )
        async with serving(create_app(local, products={"echo": ECHO})) as api:
            run = await posted(api, brief={"text": "가을", "count": 300}, profile="local")
            await until_running(api, run)
            assert (await api.post(f"/v1/runs/{run}/cancel")).status_code == 202
            seen = await ended(api, run)
            assert (seen["status"], seen["code"]) == ("cancelled", "cancelled")
            assert seen["message"]["ko"]
            asked = len(server.calls)
            await asyncio.sleep(0.5)
            assert len(server.calls) == asked < 300


def _slowly(request: ChatRequest) -> object:
    time.sleep(0.05)
    return {"title": "가을"} if "title" in str(request.schema) else {"text": "글"}


async def test_cancelling_twice_or_after_the_end_changes_nothing(api: httpx.AsyncClient) -> None:
    run = await posted(api)
    assert (await ended(api, run))["status"] == "succeeded"
    answer = await api.post(f"/v1/runs/{run}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (202, "succeeded")
    waiting = await posted(api, after_seconds=100)
    for _ in range(2):
        answer = await api.post(f"/v1/runs/{waiting}/cancel")
        assert (answer.status_code, answer.json()["status"]) == (202, "cancelled")


async def test_a_cancelled_run_goes_on_when_resumed(slow: httpx.AsyncClient) -> None:
    run = await posted(slow, brief={"text": "가을", "count": 60})
    await until_running(slow, run)
    await slow.post(f"/v1/runs/{run}/cancel")
    first = await ended(slow, run)
    assert first["status"] == "cancelled"
    answer = await slow.post(f"/v1/runs/{run}/resume")
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    second = await ended(slow, run)
    assert second["status"] == "succeeded"
    assert second["calls"] == 61


async def test_a_run_past_its_time_says_timed_out(slow: httpx.AsyncClient) -> None:
    run = await posted(slow, brief={"text": "가을", "count": 60}, timeout_s=0.5)
    seen = await ended(slow, run)
    assert (seen["status"], seen["code"]) == ("timed_out", "timed_out")


async def test_what_cannot_be_resumed_is_a_conflict(api: httpx.AsyncClient) -> None:
    run = await posted(api)
    await ended(api, run)
    answer = await api.post(f"/v1/runs/{run}/resume", json={"budget": 1.0})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


async def test_a_run_that_is_executed_cannot_be_resumed(slow: httpx.AsyncClient) -> None:
    run = await posted(slow, brief={"text": "가을", "count": 30})
    await until_running(slow, run)
    answer = await slow.post(f"/v1/runs/{run}/resume")
    assert (answer.status_code, answer.json()["code"]) == (409, "run_active")


@pytest.mark.parametrize("budget", [True, "1", 0, -1, 1e30])
async def test_a_budget_that_is_none_is_refused(api: httpx.AsyncClient, budget: object) -> None:
    run = await posted(api, after_seconds=100)
    answer = await api.post(f"/v1/runs/{run}/resume", json={"budget": budget})
    assert (answer.status_code, answer.json()["field"]) == (422, "budget")


async def test_a_run_that_asks_nothing_cannot_be_answered(api: httpx.AsyncClient) -> None:
    run = await posted(api, after_seconds=100)
    answer = await api.post(f"/v1/runs/{run}/decide", json={"answer": {"choice": "a"}})
    assert (answer.status_code, answer.json()["field"]) == (409, "run")
