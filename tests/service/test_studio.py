"""Studio's server on loopback: what `langgraph dev` serves is the library's magazine."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_client

from fabula.runs.report import cost_report
from fabula.runs.runner import Runner
from fabula.settings import Settings
from fabula.store.runs import get_run
from fabula.studio import run_id_of

pytest.importorskip("langgraph_api")

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "magazine"
FILES = ("layout.json", "index.html", "thumbnail.png")
STARTUP_S = 40.0


@dataclass(frozen=True)
class Studio:
    url: str
    settings: Settings


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    folder = tmp_path_factory.mktemp("studio")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment = {
        **kept,
        "FABULA_HOME": str(folder / "home"),
        "LANGSMITH_TRACING": "false",
        "LANGGRAPH_CLI_NO_ANALYTICS": "1",
    }
    command = [
        str(Path(sys.executable).with_name("langgraph")),
        "dev",
        "--no-browser",
        "--no-reload",
    ]
    command += [
        "--config",
        str(ROOT / "langgraph.json"),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_ready(server, url, folder / "server.log")
            yield Studio(url, Settings(home=folder / "home"))
        finally:
            _kill(server)


def _wait_until_ready(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + STARTUP_S
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/ok", timeout=2).status_code == 200:
                return
        time.sleep(0.2)
    pytest.fail(f"the server did not start:\n{log.read_text()[-3000:]}")


def _kill(server: subprocess.Popen[bytes]) -> None:
    for how in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(5)


def brief(**changed: Any) -> dict[str, Any]:
    """The brief that every test here runs, as plain data."""
    return {
        "angle": "가을 골목을 천천히 걷는 하루",
        "sources": str(EXAMPLE / "posts"),
        "sections": 3,
        **changed,
    }


async def test_lists_the_magazine_with_typed_brief_flags_and_steps(studio: Studio) -> None:
    async with get_client(url=studio.url) as client:
        found = await client.assistants.search()
        assert [one["graph_id"] for one in found] == ["magazine"]
        schemas = await client.assistants.get_schemas(found[0]["assistant_id"])
        drawing = await client.assistants.get_graph(found[0]["assistant_id"], xray=True)
    asked: Any = schemas["input_schema"]
    assert set(asked["$defs"]["MagazineBrief"]["properties"]) >= {"angle", "sources", "posts"}
    context: Any = schemas["context_schema"]
    assert set(context["properties"]) >= {"mode", "polish_enabled", "budget", "profile"}
    steps = {str(node["id"]).split(":")[-1] for node in drawing["nodes"]}
    assert {"fetch_sources", "compose_layout", "assemble_layout", "publish"} <= steps


async def test_a_run_in_studio_gives_the_librarys_bytes(studio: Studio, tmp_path: Path) -> None:
    async with get_client(url=studio.url) as client:
        thread = (await client.threads.create())["thread_id"]
        steps: list[str] = []
        kinds: set[str] = set()
        async for part in client.runs.stream(
            thread,
            "magazine",
            input={"brief": brief()},
            context={"mode": "multi_stage"},
            stream_mode=["updates", "custom", "tasks"],
            stream_subgraphs=True,
        ):
            kinds.add(part.event.split("|")[0])
            assert part.event.split("|")[0] != "error", part.data
            if part.event.startswith("updates|"):
                steps += part.data
        state: Any = (await client.threads.get_state(thread))["values"]

        again: Any = await client.runs.wait(thread, "magazine", input={"brief": brief()})
        other: Any = await client.runs.wait(
            thread, "magazine", input={"brief": brief(angle="다른 각도")}, raise_error=False
        )

    assert {"updates", "tasks"} <= kinds
    assert steps[:3] == ["fetch_sources", "classify_template", "plan_outline"]
    assert steps.count("write_section") == 3
    assert steps[-3:] == ["assemble_layout", "generate_thumbnail", "publish"]
    assert state["status"] == "succeeded"
    assert again["run"] == state["run"] == run_id_of(thread)
    assert other["__error__"]["error"] == "BadInput"
    assert "새 스레드를 시작하세요" in other["__error__"]["message"]
    assert "start a new thread" in other["__error__"]["message"]

    here = Runner(Settings(home=tmp_path / "home"))
    flags, out = {"mode": "multi_stage"}, tmp_path / "out"
    result = await here.run("magazine", brief(), flags=flags, out=out)
    published = Path(state["result"]["location"])
    for name in FILES:
        assert (published / name).read_bytes() == (out / name).read_bytes()

    async with Runner(studio.settings).store() as store:
        row = await get_run(store, state["run"])
        assert (row.door, row.status, row.worker) == ("studio", "succeeded", None)
        assert row.flags["mode"] == "multi_stage"
        assert row.epoch == 1
        assert (await cost_report(store, row.id))["calls"] == result.calls > 0


async def test_says_what_is_wrong_with_a_brief_and_writes_nothing(studio: Studio) -> None:
    async with get_client(url=studio.url) as client:
        thread = (await client.threads.create())["thread_id"]
        refused: Any = await client.runs.wait(
            thread, "magazine", input={"brief": brief(anlge="오타")}, raise_error=False
        )
        assert "anlge: 없는 항목입니다" in refused["__error__"]["message"]
        corrected: Any = await client.runs.wait(
            thread,
            "magazine",
            input={"brief": brief()},
            context={"mode": "single_call", "polish_enabled": True},
        )
    assert corrected["status"] == "succeeded"
