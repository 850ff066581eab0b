"""export and replay from the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fabula.gateway import prompts
from fabula.gateway.provider import Message
from fabula.testing.scripted import ScriptedModel

Command = Callable[..., Any]
Model = Callable[..., ScriptedModel]


@pytest.fixture
def run_id(fabula_: Command, model: Model, brief: Path) -> str:
    model()
    return str(fabula_("run", "echo", "--brief", brief, "--json").json["run_id"])


def test_a_run_becomes_a_file_and_the_file_the_same_page(
    fabula_: Command, run_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = fabula_("export", run_id, "--out", "run.zip")
    assert (done.code, done.out.split(" (")[0]) == (0, "내보냄 / exported: run.zip")
    assert "fabula replay run.zip" in done.err
    digest = done.out.split("digest: ")[1].split()[0]
    again = fabula_("replay", "run.zip", "--digest", digest, "--out", "again")
    assert again.code == 0
    assert "1 of 2 files were made again and have the same bytes (1 only stored" in " ".join(
        again.out.split()
    )
    assert "같음 / same" in again.out
    assert "기록된 답 / recorded answers: 4/4, 비용 / cost: 0 USD" in again.out
    assert (tmp_path / "again" / "result.json").is_file()


def test_the_file_is_named_after_the_run_where_no_name_is_given(
    fabula_: Command, run_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = fabula_("export", run_id, "--json")
    assert done.json["file"] == f"{run_id}.zip"
    assert (tmp_path / f"{run_id}.zip").stat().st_size == done.json["size"]
    other = fabula_("replay", f"{run_id}.zip", "--digest", "0" * 64, "--json")
    assert (other.code, other.json["field"]) == (2, "archive")
    assert done.json["digest"] in other.json["message"]["en"]


def test_a_replay_by_id_answers_one_json_object(fabula_: Command, run_id: str) -> None:
    done = fabula_("replay", run_id, "--json")
    assert done.code == 0
    assert (done.json["same"], done.json["cost"], done.json["answers_used"]) == (True, 0.0, 4)
    assert [one["name"] for one in done.json["files"]] == ["result.json"]


def test_a_miss_fails_and_names_agent_and_item(
    fabula_: Command, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prompts, "render", lambda *_: (Message("user", "다른 물음"),))
    done = fabula_("replay", run_id, "--json")
    assert (done.code, done.json["code"]) == (1, "replay_miss")
    assert "echo.plan" in done.json["message"]["ko"]


def test_a_bad_archive_is_refused(fabula_: Command, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"no zip")
    done = fabula_("replay", tmp_path / "x.zip", "--json")
    assert (done.code, done.json["field"]) == (2, "archive")
