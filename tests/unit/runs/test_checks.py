from __future__ import annotations

import pytest

from fabula.errors import BadInput
from fabula.products import product
from fabula.runs.checks import merge_flags
from fabula.settings import Settings

MAGAZINE = product("magazine")


def merged(**given: object) -> dict[str, object]:
    return merge_flags(MAGAZINE, given, Settings()).model_dump()


def test_an_empty_variable_sets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    default = merged()
    for name in ("PIPELINE_MODE", "POLISH_ENABLED", "POLISH_TEMPERATURE"):
        monkeypatch.setenv(f"MAGAZINE_{name}", "")
    monkeypatch.setenv("MAGAZINE_MAX_PARALLEL_SECTION_WRITERS", "  ")
    assert merged() == default
    assert "mode" not in merge_flags(MAGAZINE, {}, Settings()).model_fields_set


def test_an_empty_variable_leaves_the_word_to_the_next_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FABULA_MAGAZINE_MODE", "")
    monkeypatch.setenv("MAGAZINE_PIPELINE_MODE", "multi_stage")
    assert merged()["mode"] == "multi_stage"


@pytest.mark.parametrize("written", ["MULTI_STAGE", " multi_stage ", "Multi_Stage\n"])
def test_a_mode_is_read_as_people_write_it(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    assert merged(mode=written)["mode"] == "multi_stage"
    monkeypatch.setenv("MAGAZINE_PIPELINE_MODE", written)
    assert merged()["mode"] == "multi_stage"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        *[(one, True) for one in ("true", "1", "yes", "on", "TRUE", " Yes ", "On")],
        *[(one, False) for one in ("false", "0", "no", "off", " FALSE ")],
    ],
)
def test_a_switch_is_read_as_people_write_it(
    monkeypatch: pytest.MonkeyPatch, written: str, read: bool
) -> None:
    monkeypatch.setenv("MAGAZINE_POLISH_ENABLED", written)
    assert merged()["polish_enabled"] is read


def test_numbers_are_read_with_spaces_around_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAGAZINE_POLISH_TEMPERATURE", " 0.7 ")
    monkeypatch.setenv("MAGAZINE_MAX_PARALLEL_SECTION_WRITERS", "5 ")
    flags = merged()
    assert (flags["polish_temperature"], flags["max_parallel_section_writers"]) == (0.7, 5)


@pytest.mark.parametrize(
    ("variable", "value", "field", "said"),
    [
        ("PIPELINE_MODE", "both", "mode", ("'multi_stage'", "'single_call', 'multi_stage'")),
        ("POLISH_ENABLED", "sometimes", "polish_enabled", ("true, 1, yes, on",) * 2),
        ("POLISH_TEMPERATURE", "warm", "polish_temperature", ("valid number", "수여야")),
        ("POLISH_TEMPERATURE", "2.5", "polish_temperature", ("equal to 2", "2.0 이하")),
        ("MAX_PARALLEL_SECTION_WRITERS", "3.5", "max_parallel_section_writers", ("int", "정수")),
        ("MAX_PARALLEL_SECTION_WRITERS", "0", "max_parallel_section_writers", ("to 1", "1 이상")),
    ],
)
def test_a_wrong_variable_is_named_with_what_it_may_be(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, field: str, said: tuple[str, str]
) -> None:
    monkeypatch.setenv(f"MAGAZINE_{variable}", value)
    with pytest.raises(BadInput) as caught:
        merged()
    assert caught.value.field == f"flags.{field}"
    for text, wanted in zip((caught.value.en, caught.value.ko), said, strict=True):
        assert f"MAGAZINE_{variable}" in text
        assert value in text
        assert wanted in text


def test_a_wrong_flag_is_told_with_where_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match=r"from settings\.yaml"):
        merge_flags(MAGAZINE, {}, Settings(flags={"magazine": {"mode": "both"}}))
    monkeypatch.setenv("MAGAZINE_PIPELINE_MODE", "multi_stage")
    with pytest.raises(BadInput) as caught:
        merged(mode="both")
    assert "PIPELINE_MODE" not in caught.value.en
    with pytest.raises(BadInput, match="flags of magazine: mode"):
        merged(speed=2)
