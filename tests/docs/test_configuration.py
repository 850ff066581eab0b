"""Every setting and flag is in the documents, under each of its names, with its default."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import AliasChoices
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from fabula.graphs.magazine.flags import ALIASES, MagazineFlags
from fabula.settings import PREFIX, Settings, flag_variables

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "configuration.md").read_text("utf-8")
YAML = (ROOT / "config" / "settings.yaml").read_text("utf-8")
NONE = "없음"


def rows(width: int) -> list[list[str]]:
    cells = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in PAGE.splitlines()
        if line.startswith("| ")
    ]
    return [row for row in cells if len(row) == width and row[0] not in ("이름", "제품")]


SETTINGS = {row[0].strip("`"): row for row in rows(4)}
FLAGS = {row[1].strip("`"): row for row in rows(5)}


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def variables_of(name: str) -> Sequence[str]:
    alias = Settings.model_fields[name].validation_alias
    if isinstance(alias, AliasChoices):
        return [str(one) for one in alias.choices]
    return [f"{PREFIX}{name}".upper()]


def shown(default: object) -> str:
    if default is None or default is PydanticUndefined:
        return NONE
    if isinstance(default, float):
        return f"`{default:g}`"
    if isinstance(default, str):
        return f"`{default}`"
    return f"`{json.dumps(default)}`"


def test_every_setting_is_documented_and_nothing_else() -> None:
    assert set(SETTINGS) == set(Settings.model_fields)
    assert len(rows(4)) == len(SETTINGS)


@pytest.mark.parametrize(("name", "field"), Settings.model_fields.items())
def test_a_setting_is_documented_as_it_is(name: str, field: FieldInfo) -> None:
    _, variables, default, meaning = SETTINGS[name]
    assert code(variables) == list(variables_of(name))
    if name == "home":
        assert default == "`~/.fabula`"
        assert field.get_default(call_default_factory=True) == Path.home() / ".fabula"
    else:
        assert default == shown(field.default)
    assert len(meaning) > 5


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting_is_named_in_the_file_that_sets_it(name: str) -> None:
    assert re.search(rf"^# {name}:", YAML, re.MULTILINE)


def test_every_flag_of_the_magazine_is_documented_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert list(FLAGS) == list(MagazineFlags.model_fields)
    names: Mapping[str, Any] = {name: ALIASES.get(name, ()) for name in FLAGS}
    for name, field in MagazineFlags.model_fields.items():
        product, _, variables, default, _ = FLAGS[name]
        assert product == "magazine"
        assert default == shown(field.default)
        for variable in code(variables):
            with monkeypatch.context() as patch:
                patch.setenv(variable, "x")
                assert flag_variables("magazine", names) == {name: variable}


def test_what_the_page_links_to_is_there() -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)\)", PAGE)
    assert links
    assert all((ROOT / "docs" / link).exists() for link in links)
