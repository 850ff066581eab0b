import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fabula.errors import BadInput
from fabula.gateway.forecast import ExpectedCall
from fabula.gateway.models import Models
from fabula.runs import Runner, RunResult
from fabula.runs.estimate import ESTIMATED, Estimate, error_of, estimate, estimate_run
from fabula.runs.report import cost_report
from fabula.settings import Settings
from fabula.store.events import Event
from fabula.store.tables import LOCAL
from fabula.store.usage import Usage, recorded_usage
from fabula.testing.echo import ECHO, EchoBrief, EchoFlags
from fabula.testing.rules import Malformed, When
from fabula.testing.scripted import ScriptedModel, scripted_provider

MakeRunner = Callable[..., tuple[Runner, ScriptedModel]]
BRIEF = {"text": "가을", "count": 3}
MAP = """
defaults: {max_output_tokens: 1000}
profiles:
  offline:
    "*": {model: "offline:scripted"}
    echo.dear: {model: "offline:dear", max_output_tokens: 2000}
    echo.cloud: {model: "google_genai:gemini-2.5-pro"}
"""
PRICES = """
offline:
  dear: {input: 10, output: 10}
  "*": {input: 1, output: 2}
google_genai:
  "*": {input: 1, output: 1}
"""


@pytest.fixture
def models(tmp_path: Path) -> Models:
    (tmp_path / "agent_model_map.yaml").write_text(MAP)
    (tmp_path / "prices.yaml").write_text(PRICES)
    return Models(Settings(home=tmp_path, config_dir=tmp_path), "offline", keys=False)


def _estimate(
    models: Models, *calls: ExpectedCall, recorded: Mapping[Any, Usage] | None = None, **more: Any
) -> Estimate:
    return estimate(ECHO, calls, models=models, recorded=recorded or {}, **more)


PLAIN = ExpectedCall("echo.plain", "plain", 100, 300, output_tokens=50)


def test_expects_the_guess_where_nothing_is_recorded(models: Models) -> None:
    made = _estimate(models, PLAIN)
    assert (made.calls, made.input_tokens, made.output_tokens) == (1, 100, 50)
    assert made.cost == pytest.approx((100 * 1 + 50 * 2) / 1_000_000)
    [line] = made.lines
    assert (line.agent, line.model, line.recorded) == ("echo.plain", "offline:scripted", 0)


def test_an_answer_of_unknown_length_takes_a_part_of_its_limit(models: Models) -> None:
    assert _estimate(models, replace(PLAIN, output_tokens=None)).output_tokens == 250


def test_no_answer_is_expected_to_pass_its_limit(models: Models) -> None:
    assert _estimate(models, replace(PLAIN, output_tokens=9999)).output_tokens == 1000


def test_recorded_usage_corrects_tokens_and_calls(models: Models) -> None:
    used = Usage(calls=12, ratio=0.5, ratio_most=0.8, output_tokens=20.0, calls_each=1.5)
    made = _estimate(models, PLAIN, recorded={("echo.plain", "offline", "scripted"): used})
    assert (made.calls, made.input_tokens, made.output_tokens) == (1.5, 75, 30)
    assert made.lines[0].recorded == 12


def test_another_model_s_usage_corrects_nothing(models: Models) -> None:
    used = Usage(calls=12, ratio=0.5, ratio_most=3.0, output_tokens=20.0, calls_each=1.5)
    other = {("echo.plain", "openai", "scripted"): used, ("echo.other", "offline", "x"): used}
    assert _estimate(models, PLAIN, recorded=other) == _estimate(models, PLAIN)


def test_the_bound_takes_the_whole_allowance_and_the_worst_ratio(models: Models) -> None:
    bare = _estimate(models, PLAIN)
    assert (bare.calls_most, bare.output_most) == (4, 4000)
    assert bare.input_most > 4 * 300
    used = Usage(calls=12, ratio=0.5, ratio_most=2.0, output_tokens=20.0, calls_each=1.0)
    learned = _estimate(models, PLAIN, recorded={("echo.plain", "offline", "scripted"): used})
    assert learned.input_most == 2 * bare.input_most
    modest = _estimate(
        models,
        PLAIN,
        recorded={("echo.plain", "offline", "scripted"): replace(used, ratio_most=0.5)},
    )
    assert modest.input_most == bare.input_most


def test_calls_of_one_item_stand_for_one_another(models: Models) -> None:
    halves = [
        ExpectedCall("echo.plain", "one", 100, 300, output_tokens=50, times=0.5),
        ExpectedCall("echo.dear", "one", 100, 300, output_tokens=50, times=0.5),
    ]
    made, dear = _estimate(models, *halves), _estimate(models, replace(halves[1], times=1.0))
    assert (made.calls, made.calls_most) == (1, 4)
    assert made.cost_most == dear.cost_most
    assert made.cost < dear.cost


def test_an_item_that_may_only_come_counts_in_the_bound_alone(models: Models) -> None:
    once, more = _estimate(models, PLAIN), replace(PLAIN, item="another", times=0.0)
    both = _estimate(models, PLAIN, more)
    assert (both.calls, both.cost) == (once.calls, once.cost)
    assert both.cost_most == pytest.approx(2 * once.cost_most)


def test_what_a_prompt_carries_of_other_answers_is_in_the_bound(models: Models) -> None:
    carrying = replace(PLAIN, item="after", carries=("plain",))
    first, after = _estimate(models, PLAIN), _estimate(models, PLAIN, carrying)
    assert after.input_most - 2 * first.input_most == 4 * 2500
    assert after.input_tokens == 2 * first.input_tokens


def test_a_dearer_fallback_is_in_the_bound(models: Models) -> None:
    plain, dear = _estimate(models, PLAIN), _estimate(models, PLAIN, fallbacks=["offline:dear"])
    assert dear.cost == plain.cost
    assert dear.cost_most > plain.cost_most


def test_a_key_is_not_needed_to_know_a_price(models: Models) -> None:
    assert _estimate(models, replace(PLAIN, agent="echo.cloud")).cost > 0


def test_an_estimate_is_plain_json(models: Models) -> None:
    made = _estimate(models, PLAIN).as_json()
    assert json.loads(json.dumps(made))["lines"][0]["agent"] == "echo.plain"


def test_the_error_sets_what_came_beside_what_was_expected(models: Models) -> None:
    made = _estimate(models, PLAIN).as_json()
    sums = {"calls": 2, "input_tokens": 50, "output_tokens": 50, "cost": made["cost"] * 1.25}
    error = error_of(made, sums)
    assert error["calls"] == {"expected": 1, "most": 4, "true": 2, "off": 1.0}
    assert error["input_tokens"]["off"] == -0.5
    assert error["output_tokens"]["off"] == 0.0
    assert error["cost"]["off"] == pytest.approx(0.25)
    free = error_of({**made, "cost": 0.0}, {**sums, "cost": 0.0})
    assert free["cost"]["off"] is None


async def _reported(runner: Runner, result: RunResult) -> dict[str, Any]:
    async with runner.store() as store:
        return await cost_report(store, result.run_id)


async def test_a_run_keeps_its_estimate_as_its_second_event(
    make_runner: MakeRunner, seen: list[Event]
) -> None:
    runner, _ = make_runner()
    result = await runner.run("echo", BRIEF)
    assert [event.type for event in seen[:2]] == ["run.started", ESTIMATED]
    error = (await _reported(runner, result))["estimate"]
    assert error["calls"] == {"expected": 4, "most": 16, "true": 4, "off": 0.0}
    assert error["cost"]["true"] == result.cost


async def test_a_second_run_is_estimated_by_what_the_first_one_used(
    make_runner: MakeRunner,
) -> None:
    runner, _ = make_runner()
    results = [await runner.run("echo", BRIEF) for _ in range(2)]
    first, second = [(await _reported(runner, one))["estimate"] for one in results]
    assert abs(second["output_tokens"]["off"]) < abs(first["output_tokens"]["off"])
    assert second["cost"]["off"] == pytest.approx(0.0, abs=0.1)


async def test_no_run_passes_its_bound(make_runner: MakeRunner) -> None:
    long = "아주 긴 답 " * 120  # close to the limit of 1,000 tokens
    runner, _ = make_runner(When(agent="echo.write", reply=Malformed({"text": long})))
    result = await runner.run("echo", BRIEF)
    assert result.outcome == "degraded"
    error = (await _reported(runner, result))["estimate"]
    assert error["calls"]["true"] == 1 + 3 * 4
    for part in error.values():
        assert part["true"] <= part["most"]


async def test_what_stops_an_estimate_does_not_stop_the_run(
    settings: Settings, seen: list[Event]
) -> None:
    async def broken(brief: object, flags: object) -> list[ExpectedCall]:
        raise BadInput("sources", "are not there")

    model = ScriptedModel(rules=(), default=lambda _: {"title": "가", "text": "나"}, latency_s=0)
    for product in (replace(ECHO, forecast=broken), replace(ECHO, forecast=None)):
        runner = Runner(
            settings,
            products={"echo": product},
            providers={"offline": scripted_provider(model)},
            listener=seen.append,
        )
        result = await runner.run("echo", BRIEF)
        assert (await _reported(runner, result))["estimate"] is None
    assert ESTIMATED not in {event.type for event in seen}


async def test_a_product_without_a_forecast_cannot_be_estimated(
    make_runner: MakeRunner, models: Models
) -> None:
    runner, _ = make_runner()
    silent, brief = replace(ECHO, forecast=None), EchoBrief(text="가")
    async with runner.store() as store:
        with pytest.raises(BadInput, match="forecast"):
            await estimate_run(silent, brief, EchoFlags(), models, store, owner=LOCAL)


async def test_usage_is_summed_by_agent_and_model_over_a_product_s_runs(
    make_runner: MakeRunner,
) -> None:
    runner, _ = make_runner(When(item="write/2", attempt=0, reply=Malformed()))
    await runner.run("echo", BRIEF)
    await runner.run("echo", BRIEF)
    async with runner.store() as store:
        used = await recorded_usage(store, "echo", LOCAL)
        assert await recorded_usage(store, "another", LOCAL) == {}
        assert await recorded_usage(store, "echo", "another") == {}
    plan, write = (used[(name, "offline", "scripted")] for name in ("echo.plan", "echo.write"))
    assert (plan.calls, plan.calls_each) == (2, 1.0)
    assert write.calls > 6
    assert write.calls_each == write.calls / 6
    assert write.ratio_most >= write.ratio > 0
