"""`fabula … --server URL`: the same words, files and exit codes as a run of one's own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from fastapi import FastAPI

import fabula.products
from fabula.cli import main
from fabula.client import Client
from fabula.products import PRODUCTS
from fabula.service import create_app
from fabula.settings import Settings
from fabula.testing.echo import ECHO
from tests.service.live import live, slow_echo
from tests.service.test_decide import ASKING


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        (line,) = self.out.splitlines()
        return json.loads(line)


@dataclass(frozen=True)
class Service:
    url: str

    def run(self, number: int = 0) -> Any:
        with Client(self.url) as client:
            return list(client.runs())[number]


Command = Callable[..., Done]


@contextmanager
def in_a_thread(app: FastAPI) -> Iterator[Service]:
    """Serve on a loop of its own: a command line has this thread to itself."""
    ready, ending, urls = threading.Event(), asyncio.Event(), list[str]()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with live(app) as web:
            urls.append(str(web.base_url).rstrip("/"))
            ready.set()
            await ending.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(30)
        yield Service(urls[0])
    finally:
        loop.call_soon_threadsafe(ending.set)
        thread.join(30)
        loop.close()


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    offered = {**PRODUCTS, "echo": ECHO, "asking": ASKING}
    monkeypatch.setattr(fabula.products, "PRODUCTS", offered)


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    with in_a_thread(create_app(settings, products={"echo": ECHO, "asking": ASKING})) as served:
        yield served


@pytest.fixture
def slow(settings: Settings) -> Iterator[Service]:
    with in_a_thread(slow_echo(settings, latency_s=0.2)) as served:
        yield served


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    def run(*arguments: object) -> Done:
        monkeypatch.setattr("sys.argv", ["fabula", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Done(ended.value.code, out, err)

    return run


@pytest.fixture
def brief(tmp_path: Path) -> Path:
    path = tmp_path / "brief.yaml"
    path.write_text("text: 가을\ncount: 3\n", "utf-8")
    return path


def test_it_reports_as_a_run_of_ones_own_does(
    call: Command, service: Service, brief: Path, tmp_path: Path
) -> None:
    asked = ("run", "echo", "--brief", brief, "--set", "writers=2", "--json")
    own = call(*asked, "--out", tmp_path / "own")
    there = call(*asked, "--out", tmp_path / "there", "--server", service.url)
    assert (own.code, there.code) == (0, 0)
    assert list(there.json) == list(own.json)
    told = ("product", "status", "outcome", "code", "message", "calls", "cost", "asks")
    assert {key: there.json[key] for key in told} == {key: own.json[key] for key in told}
    assert there.json["out"] == str(tmp_path / "there")
    names = [one["name"] for one in own.json["artifacts"]]
    assert [one["name"] for one in there.json["artifacts"]] == names
    assert len(names) > 1
    for name in names:
        made, same = (tmp_path / where / name for where in ("there", "own"))
        assert (made.read_bytes() == same.read_bytes()) is (name != "run.json")
    progress = [line for line in own.err.splitlines() if line.startswith("[")]
    assert len(progress) == len([one for one in there.err.splitlines() if one.startswith("[")])
    with Client(service.url) as client:
        assert client.get(there.json["run_id"]).flags["writers"] == 2


def test_a_folder_of_posts_is_uploaded_and_its_pictures_come_back(
    call: Command, service: Service, tmp_path: Path
) -> None:
    folder = Path(__file__).parents[2] / "examples" / "magazine"
    done = call(
        *("run", "magazine", "--brief", folder / "brief.yaml", "--out", tmp_path / "out"),
        *("--server", service.url, "--mode", "single_call"),
    )
    assert done.code == 0, done.err
    assert (tmp_path / "out" / "index.html").is_file()
    assert list((tmp_path / "out" / "pictures").iterdir())
    assert "fetch_sources" in done.err


@pytest.mark.parametrize(
    ("text", "options", "field"),
    [
        ("text: ''\n", (), "text"),
        ("text: 가을\n", ("--set", "writers=0"), "flags.writers"),
        ("text: 가을\n", ("--budget", "-1"), "budget"),
        ("text: 가을\n", ("--profile", "nothing"), "profile"),
    ],
)
def test_bad_input_is_named_and_ends_with_2(
    call: Command,
    service: Service,
    brief: Path,
    *,
    text: str,
    options: tuple[str, ...],
    field: str,
) -> None:
    brief.write_text(text, "utf-8")
    done = call("run", "echo", "--brief", brief, "--server", service.url, "--json", *options)
    assert done.code == 2
    assert done.json["status"] == "refused"
    assert field in done.json["field"]
    with Client(service.url) as client:
        assert list(client.runs()) == []


def test_material_that_is_not_there_sends_nothing(
    call: Command, service: Service, brief: Path
) -> None:
    brief.write_text("angle: 가을\nsources: gone\n", "utf-8")
    done = call("run", "magazine", "--brief", brief, "--server", service.url, "--json")
    assert (done.code, done.json["field"]) == (2, "brief.sources")
    with Client(service.url) as client:
        assert list(client.files()) == []


def test_a_run_that_ends_badly_ends_the_command_with_1(
    call: Command, slow: Service, brief: Path
) -> None:
    brief.write_text("text: 가을\ncount: 50\n", "utf-8")
    given = ("--brief", brief, "--server", slow.url, "--timeout", "0.5")
    done = call("run", "echo", *given, "--json")
    assert (done.code, done.json["status"]) == (1, "timed_out")
    assert f"fabula resume {done.json['run_id']} --server {slow.url}" in done.err


def test_nobody_at_the_address_is_said_so(call: Command, brief: Path) -> None:
    done = call("run", "echo", "--brief", brief, "--server", "http://127.0.0.1:9", "--json")
    assert (done.code, done.json["code"]) == (1, "service_away")
    assert "is it running" in done.err
    done = call("show", "x", "--server", "127.0.0.1", "--json")
    assert (done.code, done.json["field"]) == (2, "server")


def test_a_wrong_key_ends_with_2_and_is_not_shown(
    call: Command,
    service: Service,
    brief: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
) -> None:
    assert call("keys", "create", "--owner", "me").code == 0
    monkeypatch.setenv("FABULA_HOME", str(settings.home))
    token = call("keys", "create", "--owner", "me", "--json").json["key"]
    time.sleep(1.1)  # for so long the service remembers that nobody needed a key
    done = call("run", "echo", "--brief", brief, "--server", service.url, "--json")
    assert (done.code, done.json["code"]) == (2, "unauthorized")
    monkeypatch.setenv("FABULA_API_KEY", f"{token}x")
    done = call("run", "echo", "--brief", brief, "--server", service.url, "--json")
    assert (done.code, done.json["code"]) == (2, "unauthorized")
    assert token not in done.out + done.err
    monkeypatch.setenv("FABULA_API_KEY", token)
    assert call("run", "echo", "--brief", brief, "--server", service.url).code == 0


def test_detached_it_returns_at_once_and_is_followed_later(
    call: Command, slow: Service, brief: Path, tmp_path: Path
) -> None:
    sent = call("run", "echo", "--brief", brief, "--server", slow.url, "--detach", "--json")
    assert sent.code == 0
    run = sent.json["run_id"]
    assert sent.json["status"] in ("queued", "running")
    assert f"fabula follow {run} --server {slow.url}" in sent.err
    done = call("follow", run, "--server", slow.url, "--out", tmp_path / "out", "--json")
    assert (done.code, done.json["status"]) == (0, "succeeded")
    assert (tmp_path / "out" / "run.json").is_file()


@pytest.mark.parametrize(
    ("options", "field"),
    [(("--detach",), "--detach"), (("--detach", "--server", "http://x", "--out", "y"), "--out")],
)
def test_options_that_do_not_go_together_are_refused(
    call: Command, brief: Path, options: tuple[str, ...], field: str
) -> None:
    done = call("run", "echo", "--brief", brief, *options, "--json")
    assert (done.code, done.json["field"]) == (2, field)


def interrupt_once(service: Service, status: str) -> threading.Thread:
    """Press Ctrl-C as soon as the service has a run in this status."""

    def press() -> None:
        until = time.monotonic() + 30
        with httpx.Client(base_url=service.url) as web:
            while time.monotonic() < until:
                found = web.get("/v1/runs").json()["runs"]
                if found and found[0]["status"] == status:
                    break
                time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    return thread


def test_ctrl_c_leaves_the_run_going_and_says_how_to_come_back(
    call: Command, slow: Service, brief: Path, tmp_path: Path
) -> None:
    brief.write_text("text: 가을\ncount: 60\n", "utf-8")
    pressing = interrupt_once(slow, "running")
    left = call("run", "echo", "--brief", brief, "--server", slow.url, "--json")
    pressing.join()
    run = left.json["run_id"]
    assert (left.code, left.json["status"]) == (130, "running")
    for name in ("follow", "cancel"):
        assert f"fabula {name} {run} --server {slow.url}" in left.err
    done = call("follow", run, "--server", slow.url, "--json")
    assert (done.code, done.json["status"], done.json["calls"]) == (0, "succeeded", 61)


def test_a_run_is_shown_priced_cancelled_and_gone_on_with_from_afar(
    call: Command, slow: Service, brief: Path
) -> None:
    brief.write_text("text: 가을\ncount: 60\n", "utf-8")
    there = ("--server", slow.url, "--json")
    run = call("run", "echo", "--brief", brief, *there, "--detach").json["run_id"]
    assert call("show", run, *there).json["run_id"] == run
    stopped = call("cancel", run, *there)
    assert (stopped.code, stopped.json["run_id"]) == (0, run)
    with Client(slow.url) as client:
        assert client.wait(run).status == "cancelled"
    shown = call("show", run, "--server", slow.url)
    assert f"fabula resume {run} --server {slow.url}" in shown.out
    done = call("resume", run, "--budget", "2", *there)
    assert (done.code, done.json["status"]) == (0, "succeeded")
    # What was told before the cancel is not told again.
    assert "run.cancelled" not in done.err
    told = call("show", run, *there).json
    assert {"events", "progress", "profile", "created_at", "artifacts"} <= set(told)
    assert [one["seq"] for one in told["events"]] == list(range(1, len(told["events"]) + 1))
    paid = call("cost", run, *there).json
    assert (paid["calls"], paid["budget"]) == (61, 2.0)
    refused = call("cancel", run, *there)
    assert (refused.code, refused.json["code"]) == (2, "bad_input")
    assert call("show", "nobody", *there).json["code"] == "unknown_run"


def test_a_question_ends_the_watching_and_is_answered_from_afar(
    call: Command, service: Service, brief: Path
) -> None:
    there = ("--server", service.url)
    asked = call("run", "asking", "--brief", brief, *there, "--json")
    run = asked.json["run_id"]
    assert (asked.code, asked.json["status"]) == (1, "waiting")
    assert f"fabula decide {run} --answer … --server {service.url}" in asked.err
    assert "pick" in call("decide", run, *there).out
    assert call("decide", run, "--answer", "c", *there).code == 2
    done = call("decide", run, "--answer", "b", *there, "--json")
    assert (done.code, done.json["status"]) == (0, "succeeded")
