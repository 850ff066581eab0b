from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fabula.cli.running import with_mode
from fabula.errors import BadInput


@pytest.mark.parametrize(
    ("flags", "mode", "merged"),
    [
        ({}, None, {}),
        ({"mode": "a"}, None, {"mode": "a"}),
        ({"x": 1}, "a", {"x": 1, "mode": "a"}),
        ({"mode": " A"}, "a", {"mode": "a"}),
    ],
)
def test_mode_is_one_of_the_flags(
    flags: dict[str, Any], mode: str | None, merged: dict[str, Any]
) -> None:
    assert with_mode(flags, mode) == merged


def test_two_modes_that_disagree_are_both_named() -> None:
    with pytest.raises(BadInput) as caught:
        with_mode({"mode": "single_call"}, "multi_stage")
    assert caught.value.field == "--mode"
    for text in (caught.value.en, caught.value.ko):
        assert "--mode multi_stage" in text
        assert "--set mode=single_call" in text


def test_the_command_refuses_two_modes_and_writes_nothing(fabula_: Any, tmp_path: Path) -> None:
    brief = tmp_path / "brief.yaml"
    brief.write_text("text: 가을\n", "utf-8")
    given = ("--set", "mode=multi_stage", "--mode", "single_call", "--out", tmp_path / "out")
    done = fabula_("run", "echo", "--brief", brief, *given, "--json")
    assert (done.code, done.json["field"]) == (2, "--mode")
    assert not (tmp_path / "out").exists()
