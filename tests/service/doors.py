"""The ways to a run, each with data of its own; every one returns the bytes of what it made."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from langgraph_sdk import get_client

from fabula.client import Client
from fabula.runs import Runner
from fabula.settings import Settings
from fabula.store.documents import read_checked
from tests.service.studio import Studio

FABULA = str(Path(sys.executable).with_name("fabula"))
READY = re.compile(r"http://127\.0\.0\.1:\d+|worker ready")
START_S = 60.0
Made = Mapping[str, bytes]


class Door(Protocol):
    def __call__(self, brief: Path, flags: Mapping[str, Any], out: Path) -> Made:
        """Run a brief's file; return each artifact's bytes, without `run.json`."""
        ...


@dataclass(frozen=True)
class Library:
    home: Path

    def __call__(self, brief: Path, flags: Mapping[str, Any], out: Path) -> Made:
        runner = Runner(Settings(home=self.home))
        result = asyncio.run(runner.run("magazine", brief, flags=flags, out=out))
        assert result.succeeded, result.message
        return kept(self.home, {one.name: one.hash for one in result.artifacts}, out)


@dataclass(frozen=True)
class CommandLine:
    """A child process; with a `server` its run is executed there and its files come from there."""

    home: Path
    server: str | None = None

    def __call__(self, brief: Path, flags: Mapping[str, Any], out: Path) -> Made:
        switches = [word for name, value in flags.items() for word in ("--set", f"{name}={value}")]
        there = ("--server", self.server) if self.server else ()
        done = subprocess.run(
            [
                FABULA,
                "run",
                "magazine",
                "--brief",
                brief,
                *switches,
                *there,
                "--out",
                out,
                "--json",
            ],
            env=environment(self.home),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        assert said["out"] == str(out)
        if self.server:
            with Client(self.server) as client:
                client.save_all(said["run_id"], out, stored=True)
            return {one["name"]: (out / one["name"]).read_bytes() for one in listed(said)}
        return kept(self.home, {one["name"]: one["hash"] for one in listed(said)}, out)


@dataclass(frozen=True)
class Http:
    """A service; what the brief names is uploaded, what was made is downloaded."""

    server: str

    def __call__(self, brief: Path, flags: Mapping[str, Any], out: Path) -> Made:
        with Client(self.server) as client:
            placed = client.place("magazine", brief)
            run = client.submit("magazine", placed, flags=flags)
            done = client.wait(run.run_id, timeout_s=100)
            assert done.succeeded, done
            client.save_all(run.run_id, out, stored=True)
        names = (one.name for one in done.artifacts if one.name != "run.json")
        return {name: (out / name).read_bytes() for name in names}


@dataclass(frozen=True)
class StudioServer:
    studio: Studio

    def __call__(self, brief: Path, flags: Mapping[str, Any], out: Path) -> Made:
        from fabula.products import product

        asked = product("magazine").load_brief(brief).model_dump(mode="json", exclude_unset=True)
        state = asyncio.run(self._state(asked, flags))
        assert state["status"] == "succeeded"
        return kept(self.studio.settings.home, state["files"], Path(state["result"]["location"]))

    async def _state(self, brief: Mapping[str, Any], flags: Mapping[str, Any]) -> Any:
        async with get_client(url=self.studio.url) as client:
            thread = (await client.threads.create())["thread_id"]
            return await client.runs.wait(
                thread, "magazine", input={"brief": brief}, context=dict(flags)
            )


def listed(said: Mapping[str, Any]) -> list[Any]:
    return [one for one in said["artifacts"] if one["name"] != "run.json"]


def kept(home: Path, hashes: Mapping[str, str], published: Path) -> Made:
    """Read artifacts from a home; what was published of them is the same."""
    made = {name: read_checked(home, hash_) for name, hash_ in hashes.items() if name != "run.json"}
    files = [one for one in published.rglob("*") if one.is_file() and one.name != "run.json"]
    assert {"index.html", "layout.json", "thumbnail.png"} <= {one.name for one in files}
    for file in files:
        assert file.read_bytes() == made[file.relative_to(published).as_posix()]
    return made


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return the environment of a child that knows nothing but its home."""
    same = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**same, "FABULA_HOME": str(home), **more}


@contextmanager
def child(*arguments: str, log: Path, env: Mapping[str, str]) -> Iterator[str]:
    """Run `fabula` with these arguments until it is ready; yield what it said first."""
    with log.open("w") as file, ExitStack() as stack:
        process = subprocess.Popen(
            [FABULA, *arguments], env=env, stdout=file, stderr=subprocess.STDOUT
        )
        stack.callback(_end, process)
        until = time.monotonic() + START_S
        while not (found := READY.search(log.read_text("utf-8"))):
            assert process.poll() is None, log.read_text("utf-8")
            assert time.monotonic() < until, log.read_text("utf-8")
            time.sleep(0.05)
        yield found[0]


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
