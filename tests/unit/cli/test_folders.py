"""What `--out` names is never replaced where it is not fabula's own to replace."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fabula.testing.magazine import brief_of
from fabula.testing.scripted import ScriptedModel

Command = Callable[..., Any]
Model = Callable[..., ScriptedModel]


@pytest.mark.parametrize("name", ["result.json", "run.json"])
def test_a_folder_with_files_of_others_is_refused_before_anything_is_paid(
    fabula_: Command, model: Model, brief: Path, tmp_path: Path, name: str
) -> None:
    asked = model()
    out = tmp_path / "site"
    out.mkdir()
    (out / name).write_text('{"run_id": 1}')
    done = fabula_("run", "echo", "--brief", brief, "--out", out, "--json")
    assert (done.code, done.json["field"], asked.calls) == (2, "out", 0)
    for language in ("en", "ko"):
        assert f"`{name}`" in done.json["message"][language]
    assert [one.name for one in out.iterdir()] == [name]
    assert (out / name).read_text() == '{"run_id": 1}'


def test_an_earlier_publication_is_replaced_and_other_files_are_left(
    fabula_: Command, model: Model, brief: Path, tmp_path: Path
) -> None:
    model()
    out = tmp_path / "site"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    first = fabula_("run", "echo", "--brief", brief, "--out", out, "--json")
    again = fabula_("run", "echo", "--brief", brief, "--out", out, "--json")
    assert (first.code, again.code) == (0, 0)
    assert again.json["run_id"] in (out / "run.json").read_text("utf-8")
    assert (out / "notes.txt").read_text() == "mine"


def test_a_change_is_not_published_over_its_parent(fabula_: Command, tmp_path: Path) -> None:
    brief = tmp_path / "brief.json"
    brief.write_text(brief_of(6).model_dump_json(exclude={"schema_version"}), "utf-8")
    out, other = tmp_path / "o", tmp_path / "other"
    started = ("run", "magazine", "--brief", brief, "--set", "mode=multi_stage", "--json")
    made = fabula_(*started, "--out", out)
    page = (out / "index.html").read_bytes()
    change = ("rewrite", made.json["run_id"], "s1", "--yes", "--json", "--out")
    refused = fabula_(*change, out / ".." / "o")
    assert (refused.code, refused.json["field"]) == (2, "out")
    assert made.json["run_id"] in refused.json["message"]["ko"]
    assert (out / "index.html").read_bytes() == page
    other.mkdir()
    (other / "index.html").write_text("mine")
    foreign = fabula_(*change, other)
    assert (foreign.code, foreign.json["field"]) == (2, "out")
    assert "`index.html`" in foreign.json["message"]["en"]
    assert (other / "index.html").read_text() == "mine"


def test_an_archive_replaces_an_archive_and_nothing_else(
    fabula_: Command, model: Model, brief: Path, tmp_path: Path
) -> None:
    model()
    run_id = fabula_("run", "echo", "--brief", brief, "--json").json["run_id"]
    file = tmp_path / "thesis.zip"
    file.write_bytes(b"PK mine")
    refused = fabula_("export", run_id, "--out", file, "--json")
    assert (refused.code, refused.json["field"]) == (2, "out")
    assert "thesis.zip" in refused.json["message"]["ko"]
    assert file.read_bytes() == b"PK mine"
    assert fabula_("export", run_id, "--out", tmp_path, "--json").code == 2
    fresh = tmp_path / "run.zip"
    assert fabula_("export", run_id, "--out", fresh).code == 0
    assert fabula_("export", run_id, "--out", fresh).code == 0


def test_a_replay_replaces_its_own_files_and_nobody_elses(
    fabula_: Command, model: Model, brief: Path, tmp_path: Path
) -> None:
    model()
    run = fabula_("run", "echo", "--brief", brief, "--out", tmp_path / "o", "--json")
    again, other = tmp_path / "again", tmp_path / "other"
    replayed = ("replay", run.json["run_id"], "--json", "--out")
    assert [fabula_(*replayed, again).code for _ in range(2)] == [0, 0]
    other.mkdir()
    (other / "result.json").write_text("mine")
    refused = fabula_(*replayed, other)
    assert (refused.code, refused.json["field"]) == (2, "out")
    assert "`result.json`" in refused.json["message"]["ko"]
    assert (other / "result.json").read_text() == "mine"


@pytest.mark.parametrize("name", ["compare.html", "compare.json"])
def test_a_comparison_replaces_only_a_comparison(
    fabula_: Command, tmp_path: Path, name: str
) -> None:
    brief = tmp_path / "brief.json"
    brief.write_text(brief_of(3).model_dump_json(exclude={"schema_version"}), "utf-8")
    out = tmp_path / "site"
    out.mkdir()
    (out / name).write_text("mine")
    compared = ("compare", "--brief", brief, "--json", "--out", out)
    refused = fabula_(*compared)
    assert (refused.code, refused.json["field"]) == (2, "out")
    assert (out / name).read_text() == "mine"
    assert [one.name for one in out.iterdir()] == [name]
    (out / name).unlink()
    assert [fabula_(*compared).code for _ in range(2)] == [0, 0]


def test_the_demo_replaces_only_a_demo(fabula_: Command, tmp_path: Path) -> None:
    out = tmp_path / "site"
    out.mkdir()
    (out / "index.html").write_text("mine")
    refused = fabula_("demo", "--out", out)
    assert (refused.code, "`index.html`" in refused.err) == (2, True)
    assert (out / "index.html").read_text() == "mine"
    (out / "index.html").unlink()
    assert [fabula_("demo", "--out", out).code for _ in range(2)] == [0, 0]
