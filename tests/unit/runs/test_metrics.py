from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from fabula.runs.ends import End
from fabula.runs.metrics import MOST_VALUES, Metrics
from fabula.store.claims import Claimed
from fabula.store.events import Event


def claimed(
    run: str = "r1", *, started_at: float | None = None, taken_over: bool = False
) -> Claimed:
    row: Any = SimpleNamespace(id=run, product="echo", started_at=started_at)
    return Claimed(row, 1, taken_over, 0)


def began(metrics: Metrics, run: str = "r1", *, at: float = 100.0) -> None:
    metrics.event(run, Event("run.started", note={"product": "echo"}, at=at))


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def test_a_run_is_timed_by_its_stored_events(metrics: Metrics) -> None:
    began(metrics)
    metrics.event("r1", Event("run.succeeded", at=107.5))
    metrics.end(claimed(), End("succeeded"))
    labels = {"product": "echo", "status": "succeeded"}
    assert value(metrics, "fabula_run_duration_seconds_sum", **labels) == 7.5
    assert value(metrics, "fabula_run_duration_seconds_count", **labels) == 1


def test_a_run_that_was_taken_over_counts_from_its_first_taking(metrics: Metrics) -> None:
    metrics.event("r1", Event("run.resumed", note={"product": "echo"}, at=150.0))
    metrics.event("r1", Event("run.failed", at=160.0))
    metrics.end(claimed(started_at=100.0, taken_over=True), End("failed"))
    labels = {"product": "echo", "status": "failed"}
    assert value(metrics, "fabula_run_duration_seconds_sum", **labels) == 60
    assert value(metrics, "fabula_run_takeovers_total", product="echo") == 1


def test_a_failed_run_is_counted_by_why(metrics: Metrics) -> None:
    began(metrics)
    metrics.end(claimed(), End("failed", "stuck"))
    metrics.end(claimed("r2"), End("cancelled"))
    labels = {"product": "echo", "code": "stuck"}
    assert value(metrics, "fabula_failed_runs_total", **labels) == 1


def test_a_part_and_a_rest_are_no_end(metrics: Metrics) -> None:
    began(metrics)
    metrics.end(claimed(), End("queued", more=True))
    began(metrics)
    metrics.end(claimed(), End("waiting"))
    assert not [
        one
        for family in metrics.registry.collect()
        for one in family.samples
        if one.name == "fabula_run_duration_seconds_count"
    ]


def test_a_step_is_timed_where_it_was_begun_here(metrics: Metrics) -> None:
    began(metrics)
    metrics.event("r1", Event("step.started", "plan", task="t1", phase="start", at=101.0))
    metrics.event(
        "r1", Event("step.finished", "plan", status="done", task="t1", phase="finish", at=103.0)
    )
    metrics.event(
        "r1", Event("step.finished", "write", status="done", task="t0", phase="finish", at=103.0)
    )
    name = "fabula_step_duration_seconds"
    assert value(metrics, f"{name}_sum", product="echo", step="plan", status="done") == 2
    assert value(metrics, f"{name}_count", product="echo", step="write", status="done") is None


def test_calls_are_counted_with_tokens_and_cost(metrics: Metrics) -> None:
    began(metrics)
    note = {"model": "openai:m", "input_tokens": 10, "output_tokens": 5, "cost": 0.25}
    for _ in range(2):
        metrics.event("r1", Event("cost", note=note))
    on = {"product": "echo", "model": "openai:m"}
    assert value(metrics, "fabula_calls_total", **on) == 2
    assert value(metrics, "fabula_cost_usd_total", **on) == 0.5
    assert value(metrics, "fabula_tokens_total", **on, direction="input") == 20
    assert value(metrics, "fabula_tokens_total", **on, direction="output") == 10


@pytest.mark.parametrize(
    ("code", "reason"), [(429, "429"), (503, "5xx"), (None, "no_answer"), ("odd", "no_answer")]
)
def test_a_call_without_an_answer_is_counted_by_a_bounded_reason(
    metrics: Metrics, code: object, reason: str
) -> None:
    began(metrics)
    metrics.event("r1", Event("provider_away", note={"model": "openai:m", "code": code}))
    labels = {"product": "echo", "model": "openai:m", "reason": reason}
    assert value(metrics, "fabula_call_failures_total", **labels) == 1


def test_what_gates_hold_back_is_counted_by_gate(metrics: Metrics) -> None:
    began(metrics)
    metrics.event("r1", Event("rewrite", item="write/3"))
    metrics.event("r1", Event("placeholder", item="write/3"))
    metrics.end(claimed(), End("failed", "gate_failed", {"path": "MagazineLayout:abc: title"}))
    name = "fabula_gate_failures_total"
    assert value(metrics, name, product="echo", gate="write", outcome="rewritten") == 1
    assert value(metrics, name, product="echo", gate="write", outcome="placeholder") == 1
    assert value(metrics, name, product="echo", gate="MagazineLayout", outcome="failed") == 1


def test_the_wait_for_a_first_token_is_observed(metrics: Metrics) -> None:
    metrics.first_token("persona", "local:m", 0.3)
    labels = {"product": "persona", "model": "local:m"}
    assert value(metrics, "fabula_time_to_first_token_seconds_sum", **labels) == 0.3


def test_a_label_has_no_more_values_than_there_is_room_for(metrics: Metrics) -> None:
    began(metrics)
    for number in range(MOST_VALUES + 50):
        note = {"model": f"m{number}", "cost": 0}
        metrics.event("r1", Event("cost", note=note))
    calls = [
        one
        for family in metrics.registry.collect()
        for one in family.samples
        if one.name == "fabula_calls_total"
    ]
    assert len(calls) == MOST_VALUES + 1
    assert value(metrics, "fabula_calls_total", product="echo", model="other") == 50


def test_nothing_of_an_ended_run_is_kept(metrics: Metrics) -> None:
    for number in range(100):
        run = f"r{number}"
        began(metrics, run)
        metrics.event(run, Event("step.started", "plan", task="t", phase="start", at=101.0))
        metrics.end(claimed(run), End("succeeded"))
    kept = (metrics._products, metrics._began, metrics._last, metrics._open)
    assert [len(one) for one in kept] == [0, 0, 0, 0]


def test_an_odd_event_of_a_readers_own_node_harms_nothing(metrics: Metrics) -> None:
    began(metrics)
    metrics.event("r1", Event("cost", note={"cost": "a lot", "model": ["x"]}))
    metrics.event("r1", Event("cost", note={"input_tokens": {}}))


def test_two_applications_in_one_process_do_not_meet() -> None:
    first, second = Metrics(), Metrics()
    first.webhook("delivered")
    assert value(first, "fabula_webhook_tries_total", outcome="delivered") == 1
    assert value(second, "fabula_webhook_tries_total", outcome="delivered") is None
