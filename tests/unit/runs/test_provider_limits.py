"""Limits of `limits.yaml` through a whole run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
from pydantic import SecretStr

from fabula.runs import Runner
from fabula.settings import Settings
from fabula.testing.echo import ECHO
from fabula.testing.rules import Fails, When
from fabula.testing.scripted import ScriptedModel, scripted_provider

MakeRunner = Callable[..., tuple[Runner, ScriptedModel]]


def _limit(settings: Settings, text: str) -> None:
    assert settings.config_dir
    (settings.config_dir / "limits.yaml").write_text(text, "utf-8")


async def _first_request(model: ScriptedModel) -> None:
    deadline = time.monotonic() + 10
    while not model.requests:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_a_run_keeps_to_the_models_pace(settings: Settings, make_runner: MakeRunner) -> None:
    _limit(settings, '"offline:scripted": {rpm: 1201}')
    runner, model = make_runner()
    began = time.monotonic()
    result = await runner.run("echo", {"text": "가을", "count": 9})
    assert result.succeeded
    assert len(model.requests) == 10
    # One at once and 20 a second after it.
    assert time.monotonic() - began > 9 / 20


async def test_a_run_that_waits_for_its_turn_is_cancelled_at_once(
    settings: Settings, make_runner: MakeRunner
) -> None:
    _limit(settings, '"offline:*": {rpm: 1}')
    runner, model = make_runner()
    run = asyncio.create_task(runner.run("echo", {"text": "가을", "count": 3}, run_id="waits"))
    await _first_request(model)
    asked_at = time.monotonic()
    await runner.cancel("waits")
    result = await run
    assert result.status == "cancelled"
    assert time.monotonic() - asked_at < 5
    assert len(model.requests) == 1
    assert result.calls == 1


async def test_a_429_holds_back_the_other_calls_too(
    settings: Settings, make_runner: MakeRunner
) -> None:
    _limit(settings, '"offline:scripted": {rpm: 6002}')
    slow = When(agent="echo.plan", times=1, reply=Fails(429, retry_after_s=2.0))
    runner, model = make_runner(slow)
    one = asyncio.create_task(runner.run("echo", {"text": "가을", "count": 1}))
    await _first_request(model)
    began = time.monotonic()
    assert (await runner.run("echo", {"text": "겨울", "count": 1})).succeeded
    assert time.monotonic() - began > 1.5
    assert (await one).succeeded


async def test_redis_that_is_not_there_slows_a_run_down_and_does_not_stop_it(
    settings: Settings, make_runner: MakeRunner, caplog: pytest.LogCaptureFixture
) -> None:
    _limit(settings, '"offline:scripted": {rpm: 6003}')
    _, model = make_runner()
    away = settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")})
    runner = Runner(away, products={"echo": ECHO}, providers={"offline": scripted_provider(model)})
    assert (await runner.run("echo", {"text": "가을", "count": 2})).succeeded
    assert sum("redis away" in one.getMessage() for one in caplog.records) == 1
