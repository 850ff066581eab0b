"""`limits.yaml`: which model has which limit, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from fabula.errors import BadInput
from fabula.gateway.limits import UNLIMITED, Limit, Limits
from fabula.gateway.models import Models
from fabula.settings import Settings


def _load(folder: Path, text: str) -> Limits:
    (folder / "limits.yaml").write_text(text, "utf-8")
    return Limits.load(Settings(home=folder, config_dir=folder))


def test_shipped_file_limits_nothing(tmp_path: Path) -> None:
    limits = Limits.load(Settings(home=tmp_path))
    assert not limits
    assert limits.of("openai:gpt-4.1-mini") is None


def test_a_models_own_limit_wins_over_its_providers(tmp_path: Path) -> None:
    limits = _load(tmp_path, '"openai:*": {rpm: 10}\n"openai:big": {tpm: 500, project_share: 0.5}')
    assert limits.of("openai:small") == Limit(rpm=10)
    assert limits.of("openai:big") == Limit(tpm=500, project_share=0.5)
    assert limits.of("google_genai:big") is None


def test_an_empty_file_limits_nothing(tmp_path: Path) -> None:
    assert not _load(tmp_path, "# none\n")


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("[1]", "limits.yaml"),
        ("gpt: {rpm: 1}", "limits.yaml: gpt"),
        ('"openai:": {rpm: 1}', "limits.yaml: openai:"),
        ('"openai:m": {rpm: 0}', "limits.yaml: openai:m.rpm"),
        ('"openai:m": {rpm: 5, project_share: 1.5}', "limits.yaml: openai:m.project_share"),
        ('"openai:m": {rpm: 5, burst_s: 60}', "limits.yaml: openai:m.burst_s"),
        ('"openai:m": {rps: 5}', "limits.yaml: openai:m.rps"),
        ('"openai:m": {project_share: 0.5}', "limits.yaml: openai:m"),
        ('"openai:m": 5', "limits.yaml: openai:m"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, text: str, field: str) -> None:
    with pytest.raises(BadInput) as refused:
        _load(tmp_path, text)
    assert refused.value.field == field


def test_a_wrong_file_is_refused_with_the_other_maps_before_a_run_starts(tmp_path: Path) -> None:
    (tmp_path / "limits.yaml").write_text('"openai:m": {rpm: -1}', "utf-8")
    with pytest.raises(BadInput, match=r"limits\.yaml: openai:m\.rpm"):
        Models(Settings(home=tmp_path, config_dir=tmp_path), "offline")


async def test_without_limits_everybody_goes_at_once_and_nothing_is_counted() -> None:
    for _ in range(3):
        async with UNLIMITED.admit(model="openai:m", project="p", tokens=10**9) as admitted:
            admitted.throttled(60.0)
            admitted.settle(1)
