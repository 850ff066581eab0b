from __future__ import annotations

import pytest

from fabula.errors import BadInput
from fabula.graphs.magazine.markdown import plain, read_markdown


def test_splits_front_matter_from_text() -> None:
    read = read_markdown("---\ntitle: 봄\ntags: [a, b]\n---\n\n첫 문단.\n", name="x.md")
    assert read.keys == {"title": "봄", "tags": ["a", "b"]}
    assert read.text == "첫 문단."


def test_windows_line_ends_are_read() -> None:
    assert read_markdown("---\r\ntitle: 봄\r\n---\r\n글.\r\n", name="x.md").keys == {"title": "봄"}


def test_text_loses_its_marks_and_keeps_its_words() -> None:
    marked = (
        "# 제목\n\n이것은 **굵고** [길이](https://a.b) `코드`인\n두 줄.\n\n"
        "- 하나\n- 둘\n\n<script>alert(1)</script>\n\n![그림](x.png)\n\n```\n코드 블록\n```\n"
    )
    assert plain(marked) == "제목\n\n이것은 굵고 길이 코드인 두 줄.\n\n하나\n\n둘\n\n코드 블록"


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("그냥 글", "front matter"),
        ("---\ntitle: [a\n---\n글", "YAML"),
        ("---\n- a\n- b\n---\n글", "이름: 값"),
        ("---\na: &x 1\nb: *x\n---\n글", "YAML"),
        ("---\ntitle: 봄\n글 (닫히지 않음)", "front matter"),
    ],
)
def test_a_broken_front_matter_says_what_is_wrong(source: str, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_markdown(source, name="x.md")
    assert says in caught.value.ko
    assert caught.value.field == "x.md"
