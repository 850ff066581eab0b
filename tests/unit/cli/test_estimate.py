from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from fabula.testing.magazine import brief_of
from fabula.testing.scripted import ScriptedModel

Command = Callable[..., Any]
Model = Callable[..., ScriptedModel]


def test_tells_what_is_expected_and_at_most_without_asking(
    fabula_: Command, model: Model, brief: Path
) -> None:
    asked = model()
    done = fabula_("estimate", "echo", "--brief", brief)
    assert (done.code, asked.calls) == (0, 0)
    assert "echo.write" in done.out
    assert "예상 / expected: " in done.out
    assert "상한 / at most: " in done.out
    assert max(map(cell_len, done.out.splitlines())) <= 80


def test_a_script_gets_one_json_value(fabula_: Command, model: Model, brief: Path) -> None:
    model()
    made = fabula_("estimate", "echo", "--brief", brief, "--json").json
    assert (made["calls"], made["calls_most"]) == (4, 16)
    assert 0 < made["cost"] < made["cost_most"]
    assert [line["agent"] for line in made["lines"]] == ["echo.plan", "echo.write"]


def test_a_mode_is_named_as_it_is_for_a_run(fabula_: Command, tmp_path: Path) -> None:
    brief = tmp_path / "brief.json"
    brief.write_text(brief_of(6).model_dump_json(exclude={"schema_version"}), "utf-8")
    calls = [
        fabula_("estimate", "magazine", "--brief", brief, "--mode", mode, "--json").json["calls"]
        for mode in ("single_call", "multi_stage")
    ]
    assert calls[0] < calls[1]
    both = ("--mode", "single_call", "--set", "mode=multi_stage")
    assert fabula_("estimate", "magazine", "--brief", brief, *both).code == 2


def test_no_key_is_needed(fabula_: Command, model: Model, brief: Path) -> None:
    model()
    done = fabula_("estimate", "echo", "--brief", brief, "--profile", "cloud", "--json")
    assert done.json["profile"] == "cloud"
    assert done.json["lines"][0]["model"] == "openai:gpt-4.1-mini"


@pytest.mark.parametrize("mode", ["single_call", "multi_stage"])
def test_posts_at_an_address_are_told_to_be_unread(
    fabula_: Command, tmp_path: Path, mode: str
) -> None:
    web = tmp_path / "web.yaml"
    web.write_text("angle: 골목\nsources: https://feed.example/rss\n", "utf-8")
    asked = ("estimate", "magazine", "--brief", web, "--set", f"mode={mode}")
    (assumed,) = fabula_(*asked, "--json").json["assumptions"]
    assert assumed["code"] == "sources_not_read"
    said = fabula_(*asked).out
    assert "the posts at the address were not read" in said
    assert "15 posts of 2,500 characters were assumed" in said
    assert "2,500자짜리 15편으로 보았고" in said


def test_posts_that_were_read_leave_no_assumption(
    fabula_: Command, model: Model, brief: Path
) -> None:
    model()
    assert fabula_("estimate", "echo", "--brief", brief, "--json").json["assumptions"] == []


def test_past_runs_correct_it(fabula_: Command, model: Model, brief: Path) -> None:
    model()
    before = fabula_("estimate", "echo", "--brief", brief, "--json").json
    run = fabula_("run", "echo", "--brief", brief, "--json").json
    after = fabula_("estimate", "echo", "--brief", brief, "--json").json
    assert [line["recorded"] for line in before["lines"]] == [0, 0]
    assert [line["recorded"] for line in after["lines"]] == [1, 3]
    assert abs(after["cost"] - run["cost"]) < abs(before["cost"] - run["cost"])
    assert "지난 호출로 고침" in fabula_("estimate", "echo", "--brief", brief).out


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("novel",), "product"),
        (("echo", "--profile", "clowd"), "profile"),
        (("echo", "--set", "speed=2"), "flags.speed"),
    ],
)
def test_bad_input_names_the_field(
    fabula_: Command, model: Model, brief: Path, arguments: tuple[str, ...], field: str
) -> None:
    model()
    done = fabula_("estimate", *arguments, "--brief", brief, "--json")
    assert (done.code, done.json["field"]) == (2, field)


def test_the_cost_of_a_run_shows_the_estimate_s_error(
    fabula_: Command, model: Model, brief: Path
) -> None:
    model()
    run_id = fabula_("run", "echo", "--brief", brief, "--json").json["run_id"]
    done = fabula_("cost", run_id)
    assert "예상 → 실제 (상한) / expected → true (at most)" in done.out
    assert "calls         4 → 4 (≤ 16)  +0%" in done.out
    assert fabula_("cost", run_id, "--json").json["estimate"]["calls"]["true"] == 4
