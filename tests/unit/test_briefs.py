from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fabula.briefs import load_brief, read_brief
from fabula.documents.magazine import MagazineBrief
from fabula.errors import BadInput

POST = {"id": "a", "title": "가", "text": "글.", "image": "img/a.png"}


def refused(given: object) -> BadInput:
    with pytest.raises(BadInput) as caught:
        read_brief(given, MagazineBrief)
    return caught.value


@pytest.mark.parametrize("suffix", ["yaml", "yml", "json"])
def test_paths_are_relative_to_the_file_that_names_them(tmp_path: Path, suffix: str) -> None:
    data = {"angle": "봄", "sources": "../posts", "posts": [POST], "seed": 3}
    path = tmp_path / "in" / f"brief.{suffix}"
    path.parent.mkdir()
    path.write_text(json.dumps(data, ensure_ascii=False), "utf-8")
    brief = load_brief(path, MagazineBrief)
    assert brief.sources is not None
    assert Path(brief.sources).resolve() == (tmp_path / "posts").resolve()
    assert brief.posts[0].image == str(tmp_path / "in" / "img/a.png")
    assert brief.seed == 3


def test_an_address_and_an_absolute_path_stay_as_they_are(tmp_path: Path) -> None:
    for sources in ("https://a.b/feed.xml", "/data/posts"):
        given = {"angle": "봄", "sources": sources}
        assert read_brief(given, MagazineBrief, folder=tmp_path).sources == sources


@pytest.mark.parametrize(
    ("given", "field", "en", "ko"),
    [
        ({"angel": "봄", "angle": "봄"}, "angel", "did you mean `angle`", "`angle`인가요"),
        ({"angle": "봄", "zzz": 1}, "zzz", "fields: schema_version, angle", "쓸 수 있는 이름"),
        ({}, "angle", "Field required", "꼭 있어야"),
        ({"angle": ""}, "angle", "at least 1 character", "비어 있거나"),
        ({"angle": "봄", "sections": 2}, "sections", "got 2", "3 이상"),
        ({"angle": "봄", "sections": "많이"}, "sections", "got '많이'", "정수"),
        ({"angle": "봄", "posts": "없음"}, "posts", "got '없음'", "목록"),
        ({"angle": "봄", "date": "내일"}, "date", "got '내일'", "날짜"),
        (
            {"angle": "봄", "posts": [{"id": "a", "text": "글"}]},
            "posts.0.title",
            "required",
            "꼭",
        ),
        (
            {"angle": "봄", "posts": [{"id": "../a", "title": "가", "text": "글"}]},
            "posts.0.id",
            "'../a'",
            "쓸 수 없는 글자",
        ),
        (["angle"], "brief", "list", "이름: 값"),
        (None, "brief", "NoneType", "이름: 값"),
    ],
)
def test_each_fault_names_its_field_the_value_and_the_way_out(
    given: Any, field: str, en: str, ko: str
) -> None:
    error = refused(given)
    assert error.field == field
    assert en in error.en
    assert ko in error.ko


def test_further_faults_are_counted_and_named() -> None:
    error = refused({"sections": 1, "seed": "x"})
    assert error.field == "angle"
    assert "2 more: sections, seed" in error.en


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("brief.yaml", "angle: [봄\n", "YAML"),
        ("brief.yaml", "angle: &a 봄\ndek: *a\n", "YAML"),
        ("brief.json", '{"angle": ', "JSON"),
        ("brief.json", "[" * 100_000, "JSON"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, name: str, content: str, says: str) -> None:
    (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(BadInput, match=says) as caught:
        load_brief(tmp_path / name, MagazineBrief)
    assert caught.value.field == name


@pytest.mark.parametrize("name", ["none.yaml", "none.json"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="does not exist"):
        load_brief(tmp_path / name, MagazineBrief)


def test_a_folder_or_a_wrong_encoding_is_no_brief(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="folder"):
        load_brief(tmp_path, MagazineBrief)
    for name in ("x.yaml", "x.json"):
        (tmp_path / name).write_bytes('{"angle": "봄"}'.encode("euc-kr"))
        with pytest.raises(BadInput, match="UTF-8"):
            load_brief(tmp_path / name, MagazineBrief)
