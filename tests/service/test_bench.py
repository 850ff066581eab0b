"""The measurements of `make bench-service`, a few of each: they must not rot between figures."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from benchmarks.crowd import followed_by
from benchmarks.hosting import hosted
from benchmarks.load import Load, create_and_get, executed, percentile_ms
from benchmarks.service import broken


def test_what_is_asked_for_is_made_and_timed(tmp_path: Path) -> None:
    with hosted(tmp_path, batch_slots=0, interactive_slots=0) as host:
        found = asyncio.run(create_and_get(host.url, runs=40, clients=10))
        assert host.rss_mb() > 50
    assert len(found.creates) == len(found.gets) == 40
    assert 0 < found.ms(0.5) <= found.ms(0.95) <= found.ms(0.99)
    assert found.per_s > 1


def test_runs_are_executed_and_a_crowd_misses_nothing(tmp_path: Path) -> None:
    with hosted(tmp_path) as host:
        assert asyncio.run(executed(host.url, runs=4, at_once=2)) > 0
        seen = asyncio.run(followed_by(host, clients=40, items=4))
        assert "Traceback" not in host.log()
    assert (seen.clients, seen.missed, seen.repeated) == (40, 0, 0)
    assert seen.events > 10


def test_times_are_those_of_the_share() -> None:
    assert percentile_ms([0.001 * n for n in range(1, 101)], 0.95) == pytest.approx(96)
    assert Load([0.1, 0.1], [0.1], 2.0).per_s == 1.5


@pytest.mark.parametrize(
    ("figures", "number"),
    [
        ({}, 0),
        ({"sse_missed": 0, "chaos.lost": 0, "chaos.holds": True}, 0),
        ({"sse_missed": 1}, 1),
        ({"chaos.lost": 1, "chaos.doubled": 2, "chaos.holds": False}, 3),
    ],
)
def test_a_promise_that_is_broken_is_told(figures: dict[str, object], number: int) -> None:
    assert len(broken(json.loads(json.dumps(figures)))) == number
