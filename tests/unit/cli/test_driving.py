"""The summary of a run says what is in its folder, and what is only kept."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fabula.cli.demo import examples_folder

Command = Callable[..., Any]
BRIEF = examples_folder() / "magazine" / "brief.yaml"


def _pictures(folder: Path) -> list[int]:
    return [path.stat().st_size for path in (folder / "pictures").iterdir()]


def test_the_summary_counts_what_is_in_the_folder_and_tells_the_rest_apart(
    fabula_: Command, tmp_path: Path
) -> None:
    out = tmp_path / "o"
    done = fabula_("run", "magazine", "--brief", BRIEF, "--out", out)
    assert done.code == 0
    there = _pictures(out)
    assert f"{sum(there):,}  pictures/ ({len(there)})\n" in done.out
    kept = re.search(r"보관만 함 / stored, not in the folder \((\d+)\)", done.out)
    assert kept
    run_id = re.search(r"완료 / done \(\w+\): (\S+)", done.out)
    assert run_id
    shown = fabula_("show", run_id[1], "--json").json["artifacts"]
    published = [one for one in shown if one["published"]]
    assert {one["name"]: one["size"] for one in published} == {
        str(path.relative_to(out)): path.stat().st_size for path in out.rglob("*") if path.is_file()
    }
    assert len(shown) - len(published) == int(kept[1]) > 0
    table = fabula_("show", run_id[1]).out
    assert "  * 보관만 함 / stored, not in the folder" in table
    assert len(re.findall(r"^ *pictures/\S+ \*", table, re.MULTILINE)) == int(kept[1])


def test_the_demo_counts_the_files_of_its_folder(
    fabula_: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = fabula_("demo", "--out", "d")
    assert done.code == 0
    folder = tmp_path / "d" / "magazine"
    there = _pictures(folder)
    assert f"{sum(there):,}  pictures/ ({len(there)})\n" in done.out
    files = sum(path.is_file() for path in folder.rglob("*"))
    page = (tmp_path / "d" / "index.html").read_text("utf-8")
    assert re.search(rf"파일</dt>\s*<dd[^>]*>{files}<", page)
