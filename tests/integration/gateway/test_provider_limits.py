"""Four processes and a provider that turns away what comes too fast."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fabula.testing.faults import Script
from fabula.testing.loopback import LoopbackServer

PROGRAM = Path(__file__).with_name("asking.py")
PROCESSES, TASKS, CALLS = 4, 20, 5
PER_S = 30


class Asked(NamedTuple):
    requests: int
    refused: int
    answered: int
    failed: list[str]


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    script = Script(per_s=PER_S, burst=2 * PER_S, retry_after_s=1.0)
    with LoopbackServer(script=script, answer=lambda _: {"text": "글"}) as running:
        yield running


def _begin(server: LoopbackServer, redis_url: str, rpm: float) -> list[subprocess.Popen[str]]:
    def given(number: int) -> dict[str, Any]:
        return {
            "base_url": server.base_url,
            "redis_url": redis_url,
            "rpm": rpm,
            "name": f"process {number}",
            "tasks": TASKS,
            "calls": CALLS,
        }

    return [
        subprocess.Popen(
            [sys.executable, str(PROGRAM), json.dumps(given(number))],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]


@pytest.fixture
def ask(server: LoopbackServer, redis_url: str) -> Iterator[Callable[[float], Asked]]:
    """Let four processes ask for all that they want, under a guessed limit."""
    begun: list[subprocess.Popen[str]] = []

    def all_at_once(rpm: float) -> Asked:
        begun.extend(_begin(server, redis_url, rpm))
        ends = [json.loads(process.communicate(timeout=90)[0]) for process in begun]
        stats = server.stats()
        return Asked(
            requests=stats["requests"],
            refused=stats["refused"],
            answered=sum(end["answered"] for end in ends),
            failed=[why for end in ends for why in end["failed"]],
        )

    yield all_at_once
    for process in begun:
        if process.poll() is None:
            process.kill()
            process.communicate()


def test_with_the_right_guess_nothing_is_turned_away(ask: Callable[[float], Asked]) -> None:
    asked = ask(PER_S * 60)
    assert asked.failed == []
    assert asked.answered == PROCESSES * TASKS * CALLS
    assert asked.refused == 0


def test_with_a_guess_twice_too_high_little_is_turned_away_and_nothing_is_lost(
    ask: Callable[[float], Asked],
) -> None:
    asked = ask(PER_S * 60 * 2)
    assert asked.failed == []
    assert asked.answered == PROCESSES * TASKS * CALLS
    # It was too high: some of it must have been found out the hard way.
    assert 0 < asked.refused < 0.1 * asked.requests
