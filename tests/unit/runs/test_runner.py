from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fabula.errors import BadInput, GateFailed
from fabula.nodes.services import Update
from fabula.runs import Runner, RunResult
from fabula.settings import Settings
from fabula.store.events import Event
from fabula.testing.echo import EchoResult
from fabula.testing.rules import Fails, Malformed, TimesOut, When
from fabula.testing.scripted import ScriptedModel

MakeRunner = Callable[..., tuple[Runner, ScriptedModel]]
BRIEF = {"text": "가을", "count": 4}


async def _asked(model: ScriptedModel, agent: str, running: asyncio.Task[RunResult]) -> None:
    while not model.asked(agent):
        assert not running.done()
        await asyncio.sleep(0.01)


async def test_a_run_succeeds_and_says_what_it_made(
    make_runner: MakeRunner, seen: list[Event], tmp_path: Path
) -> None:
    runner, model = make_runner()
    result = await runner.run("echo", BRIEF, out=tmp_path / "out")
    assert (result.status, result.outcome, result.calls) == ("succeeded", "complete", 5)
    assert isinstance(result.document, EchoResult)
    assert result.document.texts == tuple(f"글 write/{n}" for n in range(1, 5))
    assert model.calls == 5
    assert result.cost > 0
    assert [artifact.name for artifact in result.artifacts] == ["result.json", "run.json"]
    assert (tmp_path / "out" / "run.json").is_file()
    assert [event.seq for event in seen] == list(range(1, len(seen) + 1))
    assert (seen[0].type, seen[-1].type) == ("run.started", "run.succeeded")


async def test_steps_carry_item_usage_and_progress(
    make_runner: MakeRunner, seen: list[Event]
) -> None:
    await make_runner()[0].run("echo", BRIEF)
    finished = [event for event in seen if event.type == "step.finished"]
    written = [event for event in finished if event.step == "write"]
    assert sorted(str(event.item) for event in written) == [f"write/{n}" for n in range(1, 5)]
    assert all(event.note["model"] == "offline:scripted" for event in written)
    assert all(event.note["cost"] > 0 and event.note["input_tokens"] > 0 for event in written)
    last = finished[-1].note
    assert (last["done"], last["total"], last["eta_s"]) == (7, 7, 0.0)


async def test_an_unknown_field_writes_nothing(make_runner: MakeRunner) -> None:
    runner, _ = make_runner()
    with pytest.raises(BadInput, match="colour"):
        await runner.run("echo", {**BRIEF, "colour": "red"})
    assert await runner.runs() == []


@pytest.mark.parametrize("budget", [0, -1, float("nan"), float("inf")])
async def test_a_budget_that_is_no_amount_is_refused(
    make_runner: MakeRunner, budget: float
) -> None:
    runner, _ = make_runner()
    with pytest.raises(BadInput, match="budget"):
        await runner.run("echo", BRIEF, budget=budget)
    assert await runner.runs() == []


async def test_over_budget_keeps_everything_and_goes_on_when_raised(
    make_runner: MakeRunner,
) -> None:
    runner, model = make_runner(When(usage=(100, 700)))
    unbroken = await runner.run("echo", BRIEF)
    paid = model.calls
    # Each call costs 0.0008 and reserves a little over 0.001: room for about two.
    result = await runner.run("echo", BRIEF, budget=0.0025)
    assert (result.status, result.code) == ("over_budget", "over_budget")
    assert 0 < result.cost <= 0.0025
    kept = result.calls
    resumed = await runner.resume(result.run_id, budget=1.0)
    assert resumed.status == "succeeded"
    assert model.calls - paid == unbroken.calls
    assert resumed.calls == unbroken.calls > kept
    assert resumed.cost == pytest.approx(unbroken.cost)


async def test_eight_calls_at_the_edge_of_a_budget_stay_within_it(
    make_runner: MakeRunner,
) -> None:
    costly = When(agent="echo.write", usage=(100, 1000), latency_s=0.02)
    runner, _ = make_runner(costly)
    result = await runner.run("echo", {**BRIEF, "count": 8}, flags={"writers": 8}, budget=0.006)
    assert result.status == "over_budget"
    assert result.cost + result.in_doubt <= 0.006
    assert result.calls >= 4


async def test_a_provider_that_is_down_lets_the_run_wait(make_runner: MakeRunner) -> None:
    runner, _ = make_runner(When(agent="echo.plan", times=2, reply=Fails(503)))
    result = await runner.run("echo", BRIEF)
    assert (result.status, result.code, result.cost) == ("queued", "provider_down", 0.0)
    assert (await runner.resume(result.run_id)).status == "succeeded"


async def test_a_refused_request_fails_at_once(make_runner: MakeRunner) -> None:
    runner, model = make_runner(When(reply=Fails(400)))
    result = await runner.run("echo", BRIEF)
    assert (result.status, result.code, model.calls) == ("failed", "provider_refused", 1)


async def test_an_answer_that_stays_bad_fails_as_rejected_and_gets_a_fresh_allowance(
    make_runner: MakeRunner, seen: list[Event]
) -> None:
    runner, model = make_runner(When(agent="echo.plan", times=5, reply=Malformed()))
    result = await runner.run("echo", BRIEF)
    assert (result.status, result.code, model.calls) == ("failed", "rejected", 4)
    resumed = await runner.resume(result.run_id)
    assert resumed.status == "succeeded"
    # Four bad answers are free now, the fifth is bad again, the sixth is good.
    assert len(model.asked("echo.plan")) == 6
    opening = next(event for event in seen if event.type == "run.resumed")
    assert opening.note["granted"] == "plan"


async def test_a_fan_out_turns_what_stays_bad_into_a_placeholder(make_runner: MakeRunner) -> None:
    runner, _ = make_runner(When(item="write/2", reply=Malformed()))
    result = await runner.run("echo", BRIEF)
    assert (result.status, result.outcome) == ("succeeded", "degraded")
    assert len([a for a in (result.document,) if a]) == 1
    assert isinstance(result.document, EchoResult)
    assert result.document.texts[1] == ""


async def test_cancel_from_another_door_stops_the_run_and_settles_its_calls(
    make_runner: MakeRunner, seen: list[Event]
) -> None:
    runner, model = make_runner(When(agent="echo.write", latency_s=0.5))
    running = asyncio.create_task(runner.run("echo", {**BRIEF, "count": 9}, run_id="r1"))
    await _asked(model, "echo.write", running)
    await runner.cancel("r1")
    result = await running
    assert (result.status, result.code) == ("cancelled", "cancelled")
    assert result.calls == model.calls
    assert model.calls < 10
    assert result.in_doubt == 0
    paid = model.calls
    resumed = await runner.resume("r1")
    assert resumed.status == "succeeded"
    assert model.calls == 10
    assert paid < 10


async def test_a_cancelled_caller_leaves_the_run_resumable(make_runner: MakeRunner) -> None:
    runner, model = make_runner(latency_s=0.2)
    running = asyncio.create_task(runner.run("echo", BRIEF, run_id="r1"))
    await _asked(model, "echo.write", running)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    shown = await runner.show("r1")
    assert (shown.status, shown.in_doubt) == ("cancelled", 0)
    assert (await runner.resume("r1")).calls == 5
    assert model.calls == 5


async def test_a_time_limit_says_timed_out(make_runner: MakeRunner) -> None:
    runner, _ = make_runner(latency_s=0.2)
    result = await runner.run("echo", BRIEF, timeout_s=0.3)
    assert (result.status, result.code) == ("timed_out", "timed_out")
    assert result.in_doubt == 0


async def test_a_call_without_an_answer_is_in_doubt_at_its_highest_price(
    make_runner: MakeRunner,
) -> None:
    runner, model = make_runner(When(agent="echo.plan", times=1, reply=TimesOut()))
    result = await runner.run("echo", BRIEF)
    assert (result.status, result.calls, model.calls) == ("succeeded", 5, 6)
    assert result.in_doubt > 0.001


async def test_a_bug_keeps_everything_and_can_be_resumed(make_runner: MakeRunner) -> None:
    runner, model = make_runner()
    broken = True

    async def finish(state: Any) -> Update:
        if broken:
            raise RuntimeError("boom")
        return {"result": state["result"]}

    result = await runner.run("echo", BRIEF, replace={"finish": finish})
    assert (result.status, result.code, result.calls) == ("failed", "bug", 5)
    assert isinstance(result.error, RuntimeError)
    with pytest.raises(BadInput, match="its own: finish"):
        await runner.resume(result.run_id)
    again = await runner.resume(result.run_id, replace={"finish": finish})
    assert (again.code, model.calls) == ("bug", 5)


async def test_a_gate_failure_is_never_retried(make_runner: MakeRunner) -> None:
    async def finish(state: Any) -> Update:
        raise GateFailed("result.title", got="''", wanted="a title")

    runner, _ = make_runner()
    result = await runner.run("echo", BRIEF, replace={"finish": finish})
    assert (result.status, result.code) == ("failed", "gate_failed")
    with pytest.raises(BadInput, match="new run"):
        await runner.resume(result.run_id, replace={"finish": finish})


async def test_a_finished_run_is_not_resumed(make_runner: MakeRunner) -> None:
    runner, _ = make_runner()
    result = await runner.run("echo", BRIEF)
    with pytest.raises(BadInput, match="succeeded"):
        await runner.resume(result.run_id)


async def test_a_living_run_is_not_taken_over(make_runner: MakeRunner) -> None:
    runner, model = make_runner(latency_s=2.0)
    running = asyncio.create_task(runner.run("echo", BRIEF, run_id="r1"))
    await _asked(model, "echo.plan", running)
    with pytest.raises(BadInput, match="another process"):
        await runner.resume("r1")
    assert (await running).status == "succeeded"


async def test_a_fallback_is_asked_only_where_flags_name_it_and_is_an_event(
    make_runner: MakeRunner, seen: list[Event]
) -> None:
    runner, _ = make_runner(When(agent="echo.plan", times=2, reply=Fails(503)))
    result = await runner.run("echo", BRIEF, flags={"fallback_models": ["offline:second"]})
    assert result.status == "succeeded"
    switched = [event.note for event in seen if event.type == "model_switched"]
    assert [(note["from"], note["to"]) for note in switched] == [
        ("offline:scripted", "offline:second")
    ]


async def test_writers_are_limited_by_the_flag(make_runner: MakeRunner) -> None:
    runner, model = make_runner(latency_s=0.05)
    await runner.run("echo", {**BRIEF, "count": 9}, flags={"writers": 2})
    assert model.most_at_once == 2


async def test_runs_are_listed_newest_first(make_runner: MakeRunner) -> None:
    runner, _ = make_runner()
    first, second = await runner.run("echo", BRIEF), await runner.run("echo", BRIEF)
    assert [one.run_id for one in await runner.runs()] == [second.run_id, first.run_id]


async def test_a_run_of_another_programs_product_is_listed_without_its_document(
    make_runner: MakeRunner, settings: Settings
) -> None:
    runner, _ = make_runner()
    made = await runner.run("echo", BRIEF)
    (listed,) = await Runner(settings).runs()
    assert (listed.run_id, listed.status, listed.document) == (made.run_id, "succeeded", None)


async def test_a_folder_that_cannot_be_used_is_refused_before_anything_is_written(
    make_runner: MakeRunner, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    runner, model = make_runner()
    with pytest.raises(BadInput, match="out"):
        await runner.run("echo", BRIEF, out=tmp_path / "file" / "out")
    assert (await runner.runs(), model.calls) == ([], 0)
