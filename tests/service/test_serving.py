"""`fabula serve` as a process of its own: what it binds to, what it says, how it ends."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from fabula.settings import Settings
from fabula.store.engine import Store
from fabula.store.runs import get_run

FABULA = [str(Path(sys.executable).parent / "fabula")]
SERVE = [*FABULA, "serve", "--port", "0"]
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


class Served:
    """A serving process; `said` is all that it has written."""

    def __init__(self, process: subprocess.Popen[str], output: Path) -> None:
        self.process = process
        self._output = output

    @property
    def said(self) -> str:
        return self._output.read_text("utf-8")

    def address(self) -> str:
        until = time.monotonic() + 30
        while time.monotonic() < until:
            if found := ADDRESS.search(self.said):
                return found[0]
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(self.said)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


@contextmanager
def serving(tmp_path: Path, *options: str) -> Iterator[Served]:
    output = tmp_path / "output"
    environment = {**os.environ, "FABULA_HOME": str(tmp_path / "home")}
    with output.open("w") as file:
        process = subprocess.Popen(
            [*SERVE, *options], env=environment, stdout=file, stderr=subprocess.STDOUT, text=True
        )
        try:
            yield Served(process, output)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(10)


def test_it_serves_runs_and_ends_well_when_asked_to(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        address = served.address()
        with httpx.Client(base_url=address, timeout=60) as api:
            example = api.get("/v1/products/magazine").json()["example"]
            made = api.post("/v1/runs", json={"product": "magazine", "brief": example})
            seen = api.get(made.headers["location"], params={"wait": 50}).json()
            assert seen["status"] == "succeeded"
            assert api.get("/docs").status_code == 200
        assert served.end() == 0
        assert "fabula keys create" in served.said
        assert "Traceback" not in served.said


def test_streams_and_waits_end_with_the_process(tmp_path: Path) -> None:
    with serving(tmp_path) as served, httpx.Client(base_url=served.address(), timeout=60) as api:
        example = api.get("/v1/products/magazine").json()["example"]
        body = {"product": "magazine", "brief": example, "after_seconds": 1000}
        run = api.post("/v1/runs", json=body).json()["run_id"]
        with api.stream("GET", f"/v1/runs/{run}/events") as answer:
            chunks = answer.iter_bytes()
            next(chunks)
            began = time.monotonic()
            served.process.send_signal(signal.SIGTERM)
            rest = b"".join(chunks)
        assert rest.rstrip().splitlines()[-1].startswith(b": ")
        assert served.process.wait(30) == 0
        assert time.monotonic() - began < 10


async def test_a_run_that_was_under_way_is_left_due(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        address = await asyncio.to_thread(served.address)
        async with httpx.AsyncClient(base_url=address, timeout=60) as api:
            example = (await api.get("/v1/products/magazine")).json()["example"]
            body = {"product": "magazine", "brief": example, "flags": {"mode": "multi_stage"}}
            runs = [(await api.post("/v1/runs", json=body)).json()["run_id"] for _ in range(8)]
            code = await asyncio.to_thread(served.end)
    assert code == 0
    store = await Store.open(Settings(home=tmp_path / "home"))
    try:
        rows = [await get_run(store, run) for run in runs]
    finally:
        await store.close()
    assert {row.status for row in rows} <= {"queued", "succeeded"}
    assert all(row.worker is None for row in rows)
    assert any(row.status == "queued" for row in rows)


@pytest.mark.parametrize("host", ["0.0.0.0", "example.com"])
def test_without_a_key_it_is_for_this_machine_alone(tmp_path: Path, host: str) -> None:
    with serving(tmp_path, "--host", host) as served:
        assert served.process.wait(30) == 2
        assert "fabula keys create" in served.said


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with serving(tmp_path) as first:
        port = first.address().rpartition(":")[2]
        other = tmp_path / "other"
        other.mkdir()
        with serving(other, "--port", port) as second:
            assert second.process.wait(30) == 2
            assert f"127.0.0.1:{port}" in second.said


def test_with_a_key_a_request_needs_it(tmp_path: Path) -> None:
    environment = {**os.environ, "FABULA_HOME": str(tmp_path / "home")}
    made = subprocess.run(
        [*FABULA, "keys", "create", "--owner", "me", "--json"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found = re.search(r"fab_[0-9a-z]+_[0-9A-Za-z_-]+", made.stdout)
    assert found
    with serving(tmp_path) as served, httpx.Client(base_url=served.address(), timeout=60) as api:
        assert api.get("/v1/runs").status_code == 401
        header = {"Authorization": f"Bearer {found[0]}"}
        assert api.get("/v1/runs", headers=header).status_code == 200
        assert "no API key" not in served.said
