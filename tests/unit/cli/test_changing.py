"""change-template and rewrite from the command line: said first, asked where someone is there."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fabula.testing.magazine import brief_of

Command = Callable[..., Any]


@pytest.fixture
def run_id(fabula_: Command, tmp_path: Path) -> str:
    brief = tmp_path / "brief.json"
    brief.write_text(json.dumps(brief_of(6).model_dump(mode="json", exclude={"schema_version"})))
    done = fabula_("run", "magazine", "--brief", brief, "--set", "mode=multi_stage", "--json")
    return str(done.json["run_id"])


def test_a_rewrite_says_what_it_does_before_and_what_it_kept_after(
    fabula_: Command, run_id: str, tmp_path: Path
) -> None:
    done = fabula_("rewrite", run_id, "s2", "--note", "더 짧게", "--out", tmp_path / "o")
    assert done.code == 0
    said = done.err
    assert "s2 (spotlight) 섹션만 새로 씁니다" in said
    assert "magazine.write_spotlight ×1" in said
    assert "1 calls (≤ 4)" in said
    assert said.index("섹션만 새로") < said.index("실행 / run:")
    assert "그대로 둔 문서 7개" in said
    assert (tmp_path / "o" / "index.html").is_file()
    assert "WrittenSection:" not in said


def test_a_template_is_changed_with_one_json_object(fabula_: Command, run_id: str) -> None:
    done = fabula_("change-template", run_id, "pinterest-board", "--json", "--yes")
    assert done.code == 0
    assert (done.json["parent"], done.json["change"]) == (run_id, "change_template")
    assert done.json["kept"]
    shown = fabula_("show", done.json["run_id"])
    assert f"{run_id}의 변경 / a change of it: change_template" in shown.out


def test_what_cannot_be_changed_exits_with_2_and_names_the_field(
    fabula_: Command, run_id: str
) -> None:
    done = fabula_("rewrite", run_id, "s99", "--json")
    assert (done.code, done.json["field"]) == (2, "section_id")
    done = fabula_("change-template", "nowhere", "pinterest-board", "--json")
    assert (done.code, done.json["field"]) == (2, "run")


@pytest.mark.parametrize(("typed", "starts"), [("y\n", True), ("네\n", True), ("\n", False)])
def test_a_person_is_asked_and_may_say_no(
    fabula_: Command,
    run_id: str,
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
    starts: bool,
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal(typed))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    done = fabula_("rewrite", run_id, "s2")
    assert done.code == 0
    assert "[y/N]" in done.err
    assert ("시작하지 않았습니다" in done.err) is not starts
    assert len(fabula_("runs", "--json").json) == (2 if starts else 1)


def test_a_script_is_never_asked(
    fabula_: Command, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = io.StringIO()
    silent.close()
    # Reading it would raise.
    monkeypatch.setattr("sys.stdin", silent)
    assert fabula_("rewrite", run_id, "s2").code == 0
