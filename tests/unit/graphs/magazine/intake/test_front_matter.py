from __future__ import annotations

from datetime import date

import pytest

from fabula.graphs.magazine.intake.front_matter import read_fields, split


@pytest.mark.parametrize(
    "source",
    [
        "---\ntitle: 봄\ntags: [a, b]\n---\n첫 문단.",
        "\n\n---\ntitle: 봄\ntags:\n  - a\n  - b\n...\n첫 문단.",
        "+++\ntitle = '봄'\ntags = ['a', 'b']\n+++\n첫 문단.",
        '{"title": "봄", "tags": ["a", "b"]}\n첫 문단.',
        "Title: 봄\nTags: a, b\n\n첫 문단.",
        "---\n제목: 봄\n태그: a, b\n---\n첫 문단.",
    ],
    ids=["yaml", "yaml with dots", "toml", "json", "bare", "korean"],
)
def test_splits_front_matter_of_every_kind_from_the_text(source: str) -> None:
    above = split(source)
    fields = read_fields(above.keys)
    assert (fields.title, fields.tags) == ("봄", ("a", "b"))
    assert above.body.strip() == "첫 문단."
    assert above.fault is None


@pytest.mark.parametrize(
    "source",
    [
        "그냥 글",
        "---\n소개하는 글입니다.\n---\n본문",
        "---\n- 하나\n- 둘\n---\n본문",
        "참고: 이것은 글입니다.\n\n본문",
        "{이것은 글}",
        '{"a": 1}\n글',
        "---\n참고: 닫히지 않은 글",
    ],
)
def test_a_text_without_front_matter_stays_whole(source: str) -> None:
    assert split(source) == ({}, source, None)


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("---\ntitle: 봄: 산책\n---\n글", "봄: 산책"),
        ("---\ntitle: [공지] 봄\n---\n글", "[공지] 봄"),
        ("---\ntitle: '봄\n---\n글", "봄"),
        ("---\ntitle: 봄\ndate: 2024-02-31\n---\n글", "봄"),
        ("---\ntitle: &x 봄\nsub: *x\n---\n글", "&x 봄"),
        ("---\ntitle: 봄\n\ttab: 1\n---\n글", "봄"),
        ("+++\ntitle = 봄\n+++\n글", "봄"),
        ("---\ntitle: 봄\n글 (닫히지 않음)", "봄"),
        ("---\ntitle: 봄\n? [a, b]\n---\n글", "봄"),
        ("---\ntitle: 봄\nx: " + "[" * 3_000 + "\n---\n글", "봄"),
    ],
)
def test_a_broken_block_gives_what_its_lines_still_say(source: str, title: str) -> None:
    above = split(source)
    assert above.fault
    assert read_fields(above.keys).title == title
    assert above.body.startswith("글")


def test_a_block_past_its_size_is_text() -> None:
    assert split("---\na: " + "가" * 70_000 + "\n---\n글").keys == {}


@pytest.mark.parametrize(
    ("keys", "field", "value"),
    [
        ({"Title": "봄"}, "title", "봄"),
        ({"title": 2024}, "title", "2024"),
        ({"title": None, "제목": "봄"}, "title", "봄"),
        ({"작성자": "김"}, "author", "김"),
        ({"author": {"name": "김", "url": "x"}}, "author", "김"),
        ({"authors": ["김", {"name": "이"}]}, "author", "김, 이"),
        ({"published": "2024-03-01"}, "date", date(2024, 3, 1)),
        (
            {"published": True, "pubDate": "Fri, 01 Mar 2024 09:00:00 +0900"},
            "date",
            date(2024, 3, 1),
        ),
        ({"작성일": "2024. 3. 1."}, "date", date(2024, 3, 1)),
        ({"lastmod": "2025-01-01", "date": "2024-03-01"}, "date", date(2024, 3, 1)),
        ({"categories": ["여행", "봄"], "tag": "여행"}, "tags", ("여행", "봄")),
        ({"tags": "#봄 #산책"}, "tags", ("봄", "산책")),
        ({"cover": {"image": "a.jpg", "alt": "꽃"}}, "image", "a.jpg"),
        ({"images": ["a.jpg", "b.jpg"]}, "image", "a.jpg"),
        ({"대표이미지": "꽃.jpg"}, "image", "꽃.jpg"),
        ({"cover": {"image": "a.jpg", "alt": "꽃"}}, "image_alt", "꽃"),
        ({"slug": "봄-산책"}, "id", "봄-산책"),
        ({"id": 7}, "id", "7"),
        ({"permalink": "/2024/spring/", "link": "https://a.b/c"}, "url", "https://a.b/c"),
        ({"permalink": "/2024/spring/"}, "url", None),
        ({"출처": "동네 신문"}, "url", None),
        ({"url": "javascript:alert(1)"}, "url", "javascript:alert(1)"),
        ({"draft": True}, "draft", True),
        ({"published": False}, "draft", True),
        ({"draft": "false"}, "draft", False),
        ({"status": "Draft"}, "draft", True),
        ({"status": "비공개"}, "draft", True),
        ({"status": "published"}, "draft", False),
        ({"Status": "끝"}, "draft", False),
    ],
)
def test_fields_are_found_under_any_blogs_names(
    keys: dict[str, object], field: str, value: object
) -> None:
    assert getattr(read_fields(keys), field) == value


def test_a_date_that_cannot_be_told_is_a_fault_and_no_guess() -> None:
    fields = read_fields({"date": "03/05/2024"})
    assert fields.date is None
    assert "03/05/2024" in fields.faults[0]
