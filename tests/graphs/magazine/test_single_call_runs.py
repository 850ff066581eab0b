"""One call through the runner: the ways it ends, and what a resume pays for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from fabula.runs import Runner, RunResult
from fabula.settings import Settings
from fabula.store.events import Event
from fabula.testing.faults import Script, parse_fault
from fabula.testing.loopback import LoopbackServer
from fabula.testing.magazine import brief_of

POLISHED = {"polish_enabled": True}
PUBLISHED = ("layout.json", "index.html", "thumbnail.png")


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path, server: LoopbackServer) -> Settings:
    prices = 'offline: {"*": {input: 0, output: 0}}\nlocal: {"*": {input: 1, output: 2}}\n'
    (tmp_path / "prices.yaml").write_text(prices)
    return Settings(
        home=tmp_path / "home",
        config_dir=tmp_path,
        profile="local",
        local_base_url=server.base_url,
        local_model="writer",
        transport_tries=2,
        transport_backoff_s=0.0,
    )


async def test_a_budget_stops_before_the_polish_and_a_resume_pays_for_it_alone(
    settings: Settings, server: LoopbackServer, tmp_path: Path
) -> None:
    runner = Runner(settings)
    whole = await runner.run("magazine", brief_of(), flags=POLISHED, out=tmp_path / "whole")
    assert (whole.status, whole.calls) == ("succeeded", 2)
    plain = await runner.run("magazine", brief_of(), out=tmp_path / "plain")
    # A call reserves its longest answer first: enough for one, not for both.
    budget = plain.cost + 0.01
    stopped = await runner.run(
        "magazine", brief_of(), flags=POLISHED, budget=budget, out=tmp_path / "out"
    )
    assert (stopped.status, stopped.calls) == ("over_budget", 1)
    paid = server.stats()["paid"]
    resumed = await runner.resume(stopped.run_id, budget=10)
    assert (resumed.status, resumed.calls) == ("succeeded", 2)
    assert server.stats()["paid"] == paid + 1
    for file in PUBLISHED:
        assert (tmp_path / "out" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()


async def test_cancelled_while_composing_the_answer_is_kept_and_never_paid_again(
    settings: Settings, server: LoopbackServer
) -> None:
    server.set_script(Script(latency_ms=600))
    runner = Runner(settings.model_copy(update={"lease_s": 1.0}))
    running: asyncio.Task[RunResult] = asyncio.create_task(
        runner.run("magazine", brief_of(), run_id="r1")
    )
    while server.stats()["paid"] < 1:
        assert not running.done()
        await asyncio.sleep(0.005)
    await runner.cancel("r1")
    cancelled = await running
    assert (cancelled.status, cancelled.calls, cancelled.in_doubt) == ("cancelled", 1, 0)
    resumed = await runner.resume("r1")
    assert (resumed.status, resumed.calls) == ("succeeded", 1)
    assert server.stats()["paid"] == 1


async def test_a_process_that_dies_after_the_answer_pays_for_nothing_twice(
    settings: Settings, server: LoopbackServer
) -> None:
    async def die(point: str, known: object) -> None:
        if point == "after_record":
            raise RuntimeError("killed")

    first = await Runner(settings, hook=die).run("magazine", brief_of(), run_id="r1")
    assert (first.status, first.calls) == ("failed", 1)
    resumed = await Runner(settings).resume("r1")
    assert (resumed.status, resumed.calls, server.stats()["paid"]) == ("succeeded", 1, 1)


async def test_a_request_without_an_answer_is_an_event_with_its_status(
    settings: Settings, server: LoopbackServer
) -> None:
    server.set_script(Script(faults=(parse_fault("429@first:1"),), retry_after_s=0.0))
    seen: list[Event] = []
    result = await Runner(settings, listener=seen.append).run(
        "magazine", brief_of(), flags={"mode": "multi_stage"}
    )
    assert result.succeeded
    away = [event for event in seen if event.type == "provider_away"]
    assert {event.note["code"] for event in away} == {429}
    assert all(event.item and event.note["agent"].startswith("magazine.") for event in away)
    assert {event.note["maybe_billed"] for event in away} == {False}
