from __future__ import annotations

import shutil
from pathlib import Path
from typing import get_args

import pytest
import yaml
from pydantic import ValidationError

from fabula.documents.magazine import SectionType
from fabula.errors import GateFailed
from fabula.graphs.magazine.templates import (
    FALLBACK,
    FOLDER,
    TEMPLATE_REGISTRY,
    TemplateSpec,
    load_templates,
    template,
)


def test_the_registry_has_the_documents_three_templates() -> None:
    assert set(TEMPLATE_REGISTRY) == {"editorial-deep", "shopping-guide", "pinterest-board"}
    assert FALLBACK == "editorial-deep"


@pytest.mark.parametrize("spec", TEMPLATE_REGISTRY.values(), ids=lambda spec: spec.id)
def test_each_template_has_rules_for_each_section_type(spec: TemplateSpec) -> None:
    assert set(spec.rules) == set(get_args(SectionType))
    assert spec.sections.default in spec.sections
    assert spec.sections.least >= 3
    assert spec.register in ("합니다체", "해요체")


def test_templates_differ_in_voice_and_colour() -> None:
    specs = TEMPLATE_REGISTRY.values()
    assert len({spec.palette for spec in specs}) == len({spec.description for spec in specs}) == 3
    assert len({spec.register for spec in specs}) == 2


def test_a_template_cannot_be_changed_by_accident() -> None:
    with pytest.raises(AttributeError):
        template(FALLBACK).name = "다른 이름"  # type: ignore[misc]  # frozen is what is tested


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("palette", {"paper": "red", "ink": "#000000", "accent": "#000000"}),
        ("sections", {"least": 9, "most": 4, "default": 6}),
        ("body_types", []),
        ("colour", "unknown field"),
    ],
)
def test_a_broken_template_is_refused(tmp_path: Path, field: str, value: object) -> None:
    data = yaml.safe_load((FOLDER / "magazine" / f"{FALLBACK}.yaml").read_text("utf-8"))
    (tmp_path / "x.yaml").write_text(yaml.safe_dump({**data, field: value}), "utf-8")
    with pytest.raises(ValidationError, match=field):
        load_templates(tmp_path)


def test_a_new_file_is_a_new_template(tmp_path: Path) -> None:
    shutil.copytree(FOLDER / "magazine", tmp_path, dirs_exist_ok=True)
    text = (tmp_path / "editorial-deep.yaml").read_text("utf-8")
    (tmp_path / "quiet.yaml").write_text(text.replace("id: editorial-deep", "id: quiet"), "utf-8")
    assert list(load_templates(tmp_path)) == [
        *sorted(TEMPLATE_REGISTRY)[:2],
        "quiet",
        "shopping-guide",
    ]


def test_an_unknown_template_of_a_state_breaks_the_line() -> None:
    with pytest.raises(GateFailed, match="editorial-deep"):
        template("vogue")
