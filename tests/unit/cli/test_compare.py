from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fabula.testing.magazine import brief_of

Command = Callable[..., Any]


@pytest.fixture
def magazine_brief(tmp_path: Path) -> Path:
    path = tmp_path / "brief.json"
    path.write_text(brief_of().model_dump_json(exclude={"schema_version"}), "utf-8")
    return path


def test_both_modes_stand_side_by_side_on_screen_and_as_files(
    fabula_: Command, magazine_brief: Path, tmp_path: Path
) -> None:
    out = tmp_path / "o"
    done = fabula_("compare", "--brief", magazine_brief, "--out", out)
    assert done.code == 0
    assert "single_call" in done.out
    assert "N+3 = 9" in done.out
    assert "With polish off, 6 sections make N+2 = 8 calls" in done.out
    assert "A writer of multi_stage reads its own posts alone" in done.out
    made = json.loads((out / "compare.json").read_text("utf-8"))
    assert (made["single_call"]["calls"], made["multi_stage"]["calls"]) == (1, 8)
    page = (out / "compare.html").read_text("utf-8")
    for mode in ("single_call", "multi_stage"):
        assert f'href="{mode}/index.html"' in page
        assert (out / mode / "layout.json").is_file()


def test_json_is_one_value_and_flags_reach_both_runs(
    fabula_: Command, magazine_brief: Path, tmp_path: Path
) -> None:
    done = fabula_(
        "compare",
        "--brief",
        magazine_brief,
        "--out",
        tmp_path / "o",
        "--set",
        "polish_enabled=true",
        "--json",
    )
    assert (done.json["single_call"]["calls"], done.json["multi_stage"]["calls"]) == (2, 9)
    assert done.json["expected_calls"] == 9
    assert "With polish on, 6 sections make N+3 = 9 calls." in done.json["reasons"][0]["en"]


def test_a_mode_is_refused_since_both_are_run(
    fabula_: Command, magazine_brief: Path, tmp_path: Path
) -> None:
    arguments = ("--brief", magazine_brief, "--out", tmp_path / "o", "--set", "mode=multi_stage")
    done = fabula_("compare", *arguments, "--json")
    assert (done.code, done.json["field"]) == (2, "flags.mode")
    assert not (tmp_path / "o").exists()


def test_a_run_that_stopped_leaves_no_conclusion(
    fabula_: Command, magazine_brief: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    config.mkdir()
    (config / "prices.yaml").write_text('offline: {"*": {input: 1, output: 1}}\n')
    monkeypatch.setenv("FABULA_CONFIG_DIR", str(config))
    out = tmp_path / "o"
    arguments = ("compare", "--brief", magazine_brief, "--out", out, "--budget", "0.000001")
    done = fabula_(*arguments)
    assert done.code == 1
    assert "single_call did not finish (over_budget)" in done.out
    assert "multi_stage did not finish (over_budget)" in done.out
    assert "N+3" not in done.out + (out / "compare.html").read_text("utf-8")
    made = json.loads((out / "compare.json").read_text("utf-8"))
    assert [one["mode"] for one in made["unfinished"]] == ["single_call", "multi_stage"]


def test_a_brief_that_cannot_be_read_is_refused_once(fabula_: Command, tmp_path: Path) -> None:
    brief = tmp_path / "b.yaml"
    brief.write_text("sections: 2\n")
    done = fabula_("compare", "--brief", brief, "--out", tmp_path / "o")
    assert done.code == 2
    assert done.err.count("error:") == 1
    assert not (tmp_path / "o" / "compare.json").exists()


@pytest.mark.parametrize(("mode", "calls"), [("single_call", 1), ("multi_stage", 8)])
def test_run_takes_the_mode_by_its_own_name(
    fabula_: Command, magazine_brief: Path, tmp_path: Path, mode: str, calls: int
) -> None:
    arguments = ("--brief", magazine_brief, "--out", tmp_path / "o", "--json")
    done = fabula_("run", "magazine", "--mode", mode, *arguments)
    assert (done.code, done.json["calls"]) == (0, calls)


def test_an_unknown_mode_is_refused_by_name(fabula_: Command, magazine_brief: Path) -> None:
    done = fabula_("run", "magazine", "--brief", magazine_brief, "--mode", "fast", "--json")
    assert done.code == 2
    assert done.json["field"] == "flags.mode"


def test_the_graph_is_drawn_in_the_mode_of_its_flags(fabula_: Command) -> None:
    assert "compose_layout" in fabula_("graph", "magazine").out
    many = fabula_("graph", "magazine", "--set", "mode=multi_stage", "--set", "polish_enabled=true")
    assert "write_section" in many.out
    assert "polish_layout" in many.out
    assert "compose_layout" not in many.out
