from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fabula.runs.queue.queueing import RunQueue
from fabula.runs.queue.ringing import NoBell
from fabula.settings import Settings
from fabula.store.engine import Store
from fabula.testing.faults import Script
from fabula.testing.loopback import LoopbackServer

READY = "작업자 준비됨 / worker ready"
ROOT = Path(__file__).parents[3]


class Started:
    """A worker as a person starts it; its lines are read until one says what is waited for."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from fabula.cli import main; main()", "worker", *arguments],
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said = ""

    def wait_for(self, words: str) -> None:
        assert self.process.stderr
        while words not in self.said:
            line = self.process.stderr.readline()
            assert line, f"ended with {self.process.wait()}: {self.said}"
            self.said += line

    def exit_code(self) -> int:
        _, rest = self.process.communicate(timeout=30)
        self.said += rest
        return self.process.returncode


@pytest.fixture
def started(fabula_home: Path) -> Iterator[list[Started]]:
    made: list[Started] = []
    yield made
    for one in made:
        one.process.kill()
        one.process.communicate()


def start(started: list[Started], *arguments: str, **environment: str) -> Started:
    started.append(Started(*arguments, **environment))
    return started[-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_worker_in_order(number: signal.Signals, started: list[Started]) -> None:
    worker = start(started)
    worker.wait_for(READY)
    worker.process.send_signal(number)
    assert worker.exit_code() == 0
    assert "finishing the running steps" in worker.said


def test_the_queues_and_their_slots_are_told(started: list[Started]) -> None:
    worker = start(started, "--queue", "interactive", FABULA_INTERACTIVE_SLOTS="7")
    worker.wait_for(READY)
    assert "interactive × 7" in worker.said
    assert "batch" not in worker.said


def test_a_queue_that_is_none_is_refused(started: list[Started]) -> None:
    worker = start(started, "--queue", "gpu")
    assert worker.exit_code() == 2
    assert "--queue: got `gpu`, wanted one of: interactive, batch" in worker.said


def test_a_second_signal_ends_the_worker_at_once(started: list[Started], fabula_home: Path) -> None:
    with LoopbackServer(script=Script(latency_ms=60_000)) as server:
        model = {"FABULA_LOCAL_BASE_URL": server.base_url, "FABULA_LOCAL_MODEL": "loopback"}
        worker = start(started, FABULA_PROFILE="local", **model)
        worker.wait_for(READY)
        asyncio.run(submitted(fabula_home, server))
        deadline = time.monotonic() + 30
        while not server.calls and time.monotonic() < deadline:
            time.sleep(0.02)
        assert server.calls
        worker.process.send_signal(signal.SIGTERM)
        worker.wait_for("finishing the running steps")
        worker.process.send_signal(signal.SIGTERM)
        assert worker.exit_code() == -signal.SIGTERM


async def submitted(home: Path, server: LoopbackServer) -> None:
    settings = Settings(
        home=home, profile="local", local_base_url=server.base_url, local_model="loopback"
    )
    store = await Store.open(settings)
    brief = ROOT / "examples" / "magazine" / "brief.yaml"
    await RunQueue(settings, store, NoBell()).submit("magazine", brief)
    await store.close()


def test_a_database_that_is_away_ends_the_worker_with_its_name(started: list[Started]) -> None:
    url = "postgresql://fabula@127.0.0.1:9/fabula"
    began = time.monotonic()
    worker = start(started, FABULA_DATABASE_URL=url)
    assert worker.exit_code() == 1
    assert "127.0.0.1:9" in worker.said
    assert time.monotonic() - began < 30


def test_a_port_that_is_taken_is_named(started: list[Started]) -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = str(taken.getsockname()[1])
        worker = start(started, "--metrics-port", port)
        assert worker.exit_code() == 2
    assert "--metrics-port" in worker.said
    assert port in worker.said


def test_what_is_no_redis_is_named_and_not_shown(started: list[Started]) -> None:
    worker = start(started, FABULA_REDIS_URL="http://:word@host")
    assert worker.exit_code() == 2
    assert "FABULA_REDIS_URL" in worker.said
    assert "word" not in worker.said
