"""Which pipeline a run takes: flag over environment over YAML over default; else the rollout."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fabula.documents.magazine import MagazineResult
from fabula.errors import BadInput
from fabula.graphs.magazine.flags import settle
from fabula.products import PRODUCTS
from fabula.runs import Runner
from fabula.runs.runner import merge_flags
from fabula.settings import Settings
from fabula.store.events import Event
from fabula.testing.magazine import brief_of

MAGAZINE = PRODUCTS["magazine"]


def merged(flags: Mapping[str, Any] | None = None, **settings: Any) -> Any:
    return merge_flags(MAGAZINE, flags or {}, Settings(**settings))


def nodes(flags: Any) -> str:
    return MAGAZINE.mermaid(flags)


def test_one_call_is_the_default() -> None:
    assert "compose_layout" in nodes(merged())
    assert "write_section" not in nodes(merged())


@pytest.mark.parametrize(
    "name", ["MAGAZINE_PIPELINE_MODE", "MAGAZINE_MODE", "FABULA_MAGAZINE_MODE"]
)
def test_the_environment_decides_the_mode(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "multi_stage")
    assert "write_section" in nodes(merged())
    assert "compose_layout" not in nodes(merged())


def test_a_flag_wins_over_environment_over_yaml(monkeypatch: pytest.MonkeyPatch) -> None:
    yaml = {"magazine": {"mode": "multi_stage", "polish_enabled": True}}
    assert merged(flags=yaml["magazine"]).mode == "multi_stage"
    from_yaml = merge_flags(MAGAZINE, {}, Settings(flags=yaml))
    assert from_yaml.model_dump()["mode"] == "multi_stage"
    monkeypatch.setenv("MAGAZINE_PIPELINE_MODE", "single_call")
    assert merge_flags(MAGAZINE, {}, Settings(flags=yaml)).model_dump()["mode"] == "single_call"
    given = merge_flags(MAGAZINE, {"mode": "multi_stage"}, Settings(flags=yaml))
    assert given.model_dump()["mode"] == "multi_stage"


def test_the_documents_variables_set_polish_and_writers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAGAZINE_POLISH_ENABLED", "true")
    monkeypatch.setenv("MAGAZINE_POLISH_TEMPERATURE", "0.9")
    monkeypatch.setenv("MAGAZINE_MAX_PARALLEL_SECTION_WRITERS", "5")
    flags = merged()
    assert (flags.polish_enabled, flags.polish_temperature) == (True, 0.9)
    assert MAGAZINE.limits(flags) == {"write_section": 5}
    assert "polish_layout" in nodes(flags)


def test_a_mode_that_does_not_exist_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAGAZINE_PIPELINE_MODE", "turbo")
    with pytest.raises(BadInput, match="mode"):
        merged()


async def test_the_rollout_decides_where_nobody_did_and_the_run_says_so(tmp_path: Path) -> None:
    seen: list[Event] = []
    runner = Runner(Settings(home=tmp_path), listener=seen.append)
    result = await runner.run("magazine", brief_of(), flags={"multi_stage_percent": 100})
    assert isinstance(result.document, MagazineResult)
    assert result.document.mode == "multi_stage"
    opening = next(event for event in seen if event.type == "run.started")
    assert opening.note["mode_by"] == "rollout"
    assert opening.note["percent"] == 100
    assert 0 <= opening.note["bucket"] < 100


async def test_an_environment_that_names_a_mode_ends_the_rollout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAGAZINE_PIPELINE_MODE", "single_call")
    runner = Runner(Settings(home=tmp_path))
    result = await runner.run("magazine", brief_of(), flags={"multi_stage_percent": 100})
    assert isinstance(result.document, MagazineResult)
    assert result.document.mode == "single_call"


def test_the_bucket_does_not_depend_on_where_the_sources_lie() -> None:
    briefs = [brief_of(sources=place) for place in ("/home/a/posts", "C:\\posts")]
    flags = merged({"multi_stage_percent": 50})
    drawn = [settle(flags, MAGAZINE.fingerprint(brief))[1]["bucket"] for brief in briefs]
    assert drawn[0] == drawn[1]


async def test_a_run_needs_keys_for_the_agents_of_its_own_mode_alone(tmp_path: Path) -> None:
    one = MAGAZINE.agents_of(merged({"mode": "single_call"}))
    many = MAGAZINE.agents_of(merged({"mode": "multi_stage", "polish_enabled": True}))
    assert [agent.name for agent in one] == ["magazine.compose"]
    assert {agent.name for agent in (*one, *many)} == {agent.name for agent in MAGAZINE.agents}
    runner = Runner(Settings(home=tmp_path))
    result = await runner.run("magazine", brief_of(), profile="cloud")
    assert result.code == "key_missing"
    assert "magazine.compose" in result.message["en"]
