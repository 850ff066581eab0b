"""What a person and a script see of a run: exit codes, the one JSON value, the next command."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

import fabula.products
from fabula.gateway.provider import ChatRequest
from fabula.testing.echo import ECHO
from fabula.testing.rules import Fails, Malformed, When
from fabula.testing.scripted import ScriptedModel

Command = Callable[..., Any]
Model = Callable[..., ScriptedModel]
RUN_KEYS = {"run_id", "status", "cost", "artifacts", "code", "message", "out", "outcome"}


def widest(text: str) -> int:
    return max(cell_len(line) for line in text.splitlines())


def test_the_version_is_one_line(fabula_: Command) -> None:
    assert fabula_("--version").out == "0.1.0\n"


@pytest.mark.parametrize("arguments", [(), ("--help",), ("run", "--help"), ("demo", "--help")])
def test_help_is_bilingual_and_fits_a_terminal(fabula_: Command, arguments: tuple[str]) -> None:
    done = fabula_(*arguments)
    assert done.code == 0
    assert re.search("[가-힣]", done.out)
    assert widest(done.out) <= 80


@pytest.mark.parametrize("arguments", [("run",), ("run", "echo"), ("sow",), ("runs", "--limit=x")])
def test_wrong_usage_exits_with_2_and_leaves_stdout_alone(
    fabula_: Command, arguments: tuple[str]
) -> None:
    done = fabula_(*arguments)
    assert (done.code, done.out) == (2, "")
    assert "명령을 잘못 썼습니다" in done.err


def test_wrong_usage_is_one_object_for_a_script(fabula_: Command) -> None:
    done = fabula_("run", "echo", "--json", "--budgt", "3")
    assert (done.code, done.json["code"], done.json["field"]) == (2, "bad_input", "usage")
    assert "--budgt" in done.json["message"]["en"]


def test_a_run_ends_with_one_json_object(
    fabula_: Command, model: Model, brief: Path, tmp_path: Path
) -> None:
    model()
    done = fabula_("run", "echo", "--brief", brief, "--out", tmp_path / "o", "--json")
    assert done.code == 0
    assert done.json.keys() >= RUN_KEYS
    assert done.json["status"] == "succeeded"
    assert done.json["cost"] > 0
    assert [one["name"] for one in done.json["artifacts"]] == ["result.json", "run.json"]
    assert {path.name for path in (tmp_path / "o").iterdir()} == {"result.json", "run.json"}
    assert done.json["run_id"] in done.err


def test_a_run_tells_a_person_where_to_look(
    fabula_: Command, model: Model, brief: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model()
    monkeypatch.chdir(tmp_path)
    done = fabula_("run", "echo", "--brief", brief, "--out", "o")
    assert done.code == 0
    assert "폴더 / folder: o\n" in done.out
    assert "result.json" in done.out
    assert re.search(r"\[\d+/\d+\] .*, 0\.0*[1-9]\d* USD", done.err)


def test_a_degraded_result_is_a_success_that_says_so(
    fabula_: Command, model: Model, brief: Path
) -> None:
    model(When(item="write/2", reply=Malformed()))
    done = fabula_("run", "echo", "--brief", brief)
    assert done.code == 0
    assert "degraded" in done.out
    assert "placeholder: write/2" in done.err


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("novel",), "product"),
        (("echo", "--budget", "0"), "budget"),
        (("echo", "--budget", "nan"), "budget"),
        (("echo", "--timeout", "-1"), "timeout_s"),
        (("echo", "--profile", "clowd"), "profile"),
        (("echo", "--set", "writers"), "--set"),
        (("echo", "--set", "writers=[1"), "--set writers"),
        (("echo", "--set", "writers=many"), "flags.writers"),
        (("echo", "--set", "speed=2"), "flags.speed"),
    ],
)
def test_bad_input_exits_with_2_and_names_the_field(
    fabula_: Command, model: Model, brief: Path, arguments: tuple[str, ...], field: str
) -> None:
    asked = model()
    done = fabula_("run", *arguments, "--brief", brief, "--json")
    assert done.code == 2
    assert done.json["status"] == "refused"
    assert done.json["field"] == field
    assert f"error: {field}: " in done.err
    assert asked.calls == 0
    assert fabula_("runs", "--json").json == []


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("text: ''\n", "text"),
        ("tekst: 가을\ntext: 가을\n", "tekst"),
        ("text: [가을\n", "brief.yaml"),
        ("가을\n", "brief"),
    ],
)
def test_a_bad_brief_exits_with_2_and_names_the_field(
    fabula_: Command, model: Model, brief: Path, text: str, field: str
) -> None:
    model()
    brief.write_text(text)
    done = fabula_("run", "echo", "--brief", brief, "--json")
    assert done.code == 2
    assert done.json["field"] == field


@pytest.mark.parametrize("out", ["brief.yaml", "brief.yaml/below", "/proc/fabula"])
def test_a_folder_that_cannot_be_used_is_refused_before_anything_is_paid(
    fabula_: Command,
    model: Model,
    brief: Path,
    out: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(brief.parent)
    asked = model()
    done = fabula_("run", "echo", "--brief", brief, "--out", out, "--json")
    assert (done.code, done.json["field"], asked.calls) == (2, "out", 0)


def test_flags_are_read_as_yaml(fabula_: Command, model: Model, brief: Path) -> None:
    model()
    done = fabula_(
        "run",
        "echo",
        *("--brief", brief, "--json"),
        *("--set", "writers=2", "--set", "fallback_models=[openai:a, openai:b]"),
    )
    assert done.code == 0


def test_a_missing_key_exits_with_2_and_names_the_variable(
    fabula_: Command, model: Model, brief: Path
) -> None:
    model()
    done = fabula_("run", "echo", "--brief", brief, "--profile", "cloud", "--json")
    assert done.code == 2
    assert done.json["code"] == "key_missing"
    assert "OPENAI_API_KEY" in done.err


def test_over_budget_names_a_resume_that_works(fabula_: Command, model: Model, brief: Path) -> None:
    asked = model(When(usage=(100, 1000)))
    stopped = fabula_("run", "echo", "--brief", brief, "--budget", "0.0021", "--json")
    assert stopped.code == 1
    assert stopped.json["status"] == "over_budget"
    assert stopped.json["cost"] <= 0.0021
    ended = stopped
    for _ in range(4):
        command = re.search(r"fabula (resume \S+ --budget \S+)", ended.err)
        assert command
        ended = fabula_(*command[1].split(), "--json")
        if ended.code == 0:
            break
    assert ended.json["status"] == "succeeded"
    assert ended.json["calls"] == asked.calls == 4


def test_the_suggested_budget_gets_past_the_refused_call(
    fabula_: Command, model: Model, brief: Path
) -> None:
    asked = model(When(usage=(100, 1000)))
    stopped = fabula_("run", "echo", "--brief", brief, "--budget", "0.000001", "--json")
    assert (stopped.json["status"], asked.calls) == ("over_budget", 0)
    command = re.search(r"fabula (resume \S+ --budget ([0-9.]+))$", stopped.err, re.MULTILINE)
    assert command
    assert f"{command[2]} USD" in stopped.json["message"]["en"]
    assert f"{command[2]} USD" in stopped.json["message"]["ko"]
    fabula_(*command[1].split(), "--json")
    assert asked.calls > 0


def test_resume_of_a_rejected_run_says_first_what_it_may_cost(
    fabula_: Command, model: Model, brief: Path
) -> None:
    asked = model(When(agent="echo.plan", times=4, reply=Malformed()))
    failed = fabula_("run", "echo", "--brief", brief, "--json")
    assert failed.code == 1
    assert failed.json["code"] == "rejected"
    assert asked.calls == 4
    done = fabula_("resume", failed.json["run_id"])
    assert done.code == 0
    granted = done.err.index("`plan` gets 4 calls again: ")
    assert granted < done.err.index("no call is in doubt")


def test_the_bound_of_a_cost_holds_what_resumes_granted(
    fabula_: Command, model: Model, brief: Path
) -> None:
    model(When(agent="echo.plan", reply=Malformed()))
    run_id = fabula_("run", "echo", "--brief", brief, "--json").json["run_id"]
    before = fabula_("cost", run_id, "--json").json
    assert before["granted"] == {}
    for _ in range(2):
        assert fabula_("resume", run_id).code == 1
    after = fabula_("cost", run_id, "--json").json
    assert after["granted"] == {"plan": 2}
    assert after["estimate"]["calls"]["true"] == 12
    assert after["estimate"]["calls"]["most"] == before["estimate"]["calls"]["most"] + 8
    for name in ("input_tokens", "output_tokens", "cost"):
        part = after["estimate"][name]
        assert part["most"] > before["estimate"][name]["most"]
        assert part["true"] <= part["most"]
    assert "after 2 resumes of a rejected item" in fabula_("cost", run_id).out


def test_a_provider_that_is_down_says_when_to_resume(
    fabula_: Command, model: Model, brief: Path
) -> None:
    model(When(agent="echo.plan", times=2, reply=Fails(503)))
    resting = fabula_("run", "echo", "--brief", brief, "--json")
    assert resting.code == 1
    assert resting.json["status"] == "queued"
    assert re.search(r"resume after \d\d:\d\d:\d\d", resting.err)
    assert fabula_("resume", resting.json["run_id"]).code == 0


def test_a_bug_is_named_without_its_traceback(
    fabula_: Command,
    model: Model,
    brief: Path,
    fabula_home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*arguments: object, **options: object) -> object:
        raise LookupError("없는 노드")

    model()
    monkeypatch.setattr(fabula.products, "PRODUCTS", {"echo": replace(ECHO, build=broken)})
    done = fabula_("run", "echo", "--brief", brief)
    assert done.code == 1
    assert "LookupError" in done.err
    assert "Traceback" not in done.err
    assert "Traceback" in (fabula_home / "logs" / "fabula.log").read_text("utf-8")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_exits_with_130_and_can_be_resumed(
    fabula_: Command, model: Model, brief: Path, number: signal.Signals
) -> None:
    def interrupt(request: ChatRequest) -> object:
        threading.Timer(0, os.kill, (os.getpid(), number)).start()
        return {"text": f"글 {request.item}"}

    asked = model(
        When(agent="echo.write", times=1, reply=interrupt),
        When(agent="echo.write", latency_s=0.5),
    )
    before = signal.getsignal(number)
    stopped = fabula_("run", "echo", "--brief", brief, "--json")
    signal.signal(number, before)
    assert stopped.code == 130
    assert stopped.json["status"] == "cancelled"
    paid = asked.calls
    assert stopped.json["calls"] == paid > 1
    done = fabula_("resume", stopped.json["run_id"], "--json")
    assert done.code == 0
    assert asked.calls == 4


def test_resume_of_a_finished_run_is_bad_input(fabula_: Command, model: Model, brief: Path) -> None:
    model()
    run_id = fabula_("run", "echo", "--brief", brief, "--json").json["run_id"]
    done = fabula_("resume", run_id, "--json")
    assert (done.code, done.json["run_id"], done.json["field"]) == (2, run_id, "run")


@pytest.mark.parametrize("command", ["show", "resume", "cancel", "cost"])
def test_an_unknown_run_is_bad_input(fabula_: Command, model: Model, command: str) -> None:
    model()
    done = fabula_(command, "nowhere", "--json")
    assert (done.code, done.json["field"]) == (2, "run")


def test_runs_are_listed_newest_first(fabula_: Command, model: Model, brief: Path) -> None:
    model()
    ids = [fabula_("run", "echo", "--brief", brief, "--json").json["run_id"] for _ in range(3)]
    assert [one["run_id"] for one in fabula_("runs", "--json").json] == ids[::-1]
    assert [one["run_id"] for one in fabula_("runs", "--limit", 1, "--json").json] == ids[2:]
    listed = fabula_("runs").out
    assert listed.index(ids[2]) < listed.index(ids[0])
    assert widest(listed) <= 80
    assert fabula_("runs", "--limit", 0).code == 2


def test_show_has_progress_files_and_events(
    fabula_: Command, model: Model, brief: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model()
    monkeypatch.chdir(tmp_path)
    run_id = fabula_("run", "echo", "--brief", brief, "--out", "o", "--json").json["run_id"]
    shown = fabula_("show", run_id, "--json")
    assert shown.code == 0
    assert shown.json.keys() >= RUN_KEYS
    progress = {"unit": "steps", "done": 6, "total": 6, "eta_s": 0.0, "steps": None}
    assert shown.json["progress"] == progress
    types = [event["type"] for event in shown.json["events"]]
    assert types[0] == "run.started"
    assert types[-1] == "run.succeeded"
    assert types.count("cost") == 4
    page = fabula_("show", run_id).out
    assert "result.json" in page
    assert "write/3" in page
    assert widest(page) <= 80


def test_cost_is_told_by_agent(fabula_: Command, model: Model, brief: Path) -> None:
    model(When(usage=(10, 20)))
    run_id = fabula_("run", "echo", "--brief", brief, "--budget", "1", "--json").json["run_id"]
    sums = fabula_("cost", run_id, "--json").json
    assert {line["agent"]: line["calls"] for line in sums["agents"]} == {
        "echo.plan": 1,
        "echo.write": 3,
    }
    assert sums["cost"] == pytest.approx(4 * 30 / 1e6)
    page = fabula_("cost", run_id).out
    assert "echo.write" in page
    assert "0.00012 USD" in page
    assert widest(page) <= 80


def test_a_resting_run_is_cancelled_at_once(fabula_: Command, model: Model, brief: Path) -> None:
    model(When(agent="echo.plan", reply=Fails(503)))
    run_id = fabula_("run", "echo", "--brief", brief, "--json").json["run_id"]
    done = fabula_("cancel", run_id, "--json")
    assert (done.code, done.json["status"]) == (0, "cancelled")
    assert f"fabula resume {run_id}" in done.err


def test_a_finished_run_cannot_be_cancelled(fabula_: Command, model: Model, brief: Path) -> None:
    model()
    run_id = fabula_("run", "echo", "--brief", brief, "--json").json["run_id"]
    assert fabula_("cancel", run_id).code == 2
    assert fabula_("show", run_id, "--json").json["status"] == "succeeded"


def test_a_graph_is_drawn_as_mermaid(fabula_: Command, model: Model) -> None:
    model()
    done = fabula_("graph", "echo")
    assert done.code == 0
    assert "graph TD" in done.out
    assert "validate" in done.out
