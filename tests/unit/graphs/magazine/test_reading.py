from __future__ import annotations

import json
import unicodedata
from datetime import date
from pathlib import Path

import pytest

from fabula.documents.magazine import MagazineBrief, PostInput, SourceProblem
from fabula.errors import BadInput
from fabula.graphs.magazine import reading
from fabula.graphs.magazine.reading import Found, read_all


def markdown(folder: Path, name: str, text: str, **keys: str) -> None:
    front = "\n".join(f"{key}: {value}" for key, value in keys.items())
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"---\n{front}\n---\n{text}\n", "utf-8")


def read(path: Path | None = None, *posts: PostInput) -> tuple[list[Found], dict[str, str]]:
    brief = MagazineBrief(angle="봄", sources=str(path) if path else None, posts=posts)
    found = list(read_all(brief))
    good = [one for one in found if isinstance(one, Found)]
    bad = {one.source: one.reason for one in found if isinstance(one, SourceProblem)}
    return good, bad


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    markdown(tmp_path, "b.md", "둘째.", title="나", id="second", date="2026-03-01", layout="post")
    markdown(tmp_path, "a.md", "첫째.", title="가", author="김", url="https://a.b", tags="[x, y]")
    good, bad = read(tmp_path)
    assert not bad
    assert [(one.source, one.post.id, one.post.text) for one in good] == [
        ("a.md", "a", "첫째."),
        ("b.md", "second", "둘째."),
    ]
    assert good[0].post.tags == ("x", "y")
    assert good[1].post.date == date(2026, 3, 1)


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_json_file_is_a_list_or_an_object_with_posts(tmp_path: Path, wrapped: bool) -> None:
    posts = [{"id": "a", "title": "가", "text": "글."}]
    path = tmp_path / "posts.json"
    path.write_text(json.dumps({"posts": posts} if wrapped else posts), "utf-8")
    good, bad = read(path)
    assert ([one.post.id for one in good], bad) == (["a"], {})


def test_each_bad_file_is_reported_by_itself_and_the_good_ones_stay(tmp_path: Path) -> None:
    markdown(tmp_path, "good.md", "좋은 글.", title="좋은 글")
    markdown(tmp_path, "dup.md", "다른 글.", title="겹침", id="good")
    markdown(tmp_path, "empty.md", "", title="빈 글")
    markdown(tmp_path, "number.md", "글.", title="2024")
    markdown(tmp_path, "badid.md", "글.", title="가", id="'../x'")
    markdown(tmp_path, "bomb.md", "글.", title="&a 가", author="*a")
    (tmp_path / "none.md").write_text("앞머리 없는 글", "utf-8")
    (tmp_path / "broken.md").write_text("---\ntitle: [가\n---\n글", "utf-8")
    (tmp_path / "euckr.md").write_bytes("---\ntitle: 가\n---\n글".encode("euc-kr"))
    good, bad = read(tmp_path)
    assert [one.source for one in good] == ["dup.md"]
    assert sorted(bad) == [
        "badid.md",
        "bomb.md",
        "broken.md",
        "empty.md",
        "euckr.md",
        "good.md",
        "none.md",
        "number.md",
    ]
    assert "dup.md" in bad["good.md"]
    assert "겹칩니다" in bad["good.md"]
    assert "front matter" in bad["none.md"]
    assert "YAML" in bad["broken.md"]
    assert "YAML" in bad["bomb.md"]
    assert bad["empty.md"].startswith("text: 비어")
    assert bad["number.md"].startswith("title: 글자여야")
    assert bad["badid.md"].startswith("id: ")
    assert "UTF-8" in bad["euckr.md"]
    assert str(tmp_path) not in "".join(bad.values())


def test_a_files_name_becomes_an_id_that_may_stand_in_a_prompt(tmp_path: Path) -> None:
    name = unicodedata.normalize("NFD", "2026 봄 <산책>!.md")
    markdown(tmp_path, name, "글.", title="가")
    good, bad = read(tmp_path)
    assert ([one.post.id for one in good], bad) == (["2026-봄-산책"], {})


def test_a_link_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    outside.mkdir()
    markdown(inside, "a.md", "글.", title="가")
    markdown(outside, "secret.md", "비밀.", title="비밀")
    (inside / "link.md").symlink_to(outside / "secret.md")
    good, bad = read(inside)
    assert [one.source for one in good] == ["a.md"]
    assert "밖" in bad["link.md"]


def test_files_past_size_and_number_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_BYTES", 200)
    monkeypatch.setattr(reading, "MAX_FILES", 2)
    markdown(tmp_path, "a.md", "글.", title="가")
    markdown(tmp_path, "b.md", "글" * 300, title="나")
    markdown(tmp_path, "c.md", "글.", title="다")
    good, bad = read(tmp_path)
    assert [one.source for one in good] == ["a.md"]
    assert "2 MB" in bad["b.md"]
    assert "3개" in bad[tmp_path.name]


@pytest.mark.parametrize(
    ("content", "says"),
    [("[1,", "JSON"), ('{"a": 1}', "posts"), ("[" * 100_000, "JSON")],
)
def test_a_broken_json_file_is_one_problem(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "posts.json"
    path.write_text(content, "utf-8")
    good, bad = read(path, PostInput(id="a", title="가", text="글."))
    assert [one.source for one in good] == ["posts[0]"]
    assert says in bad["posts.json"]


def test_each_bad_item_of_a_json_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "posts.json"
    surrogate = '{"id": "d", "title": "\\ud800", "text": "글"}'
    path.write_text(
        '[{"id": "a", "title": "가", "text": "글."}, {"id": "b", "titel": "나", "text": "글"}, '
        f'{surrogate}, 7, {{"id": "e", "title": "마", "text": "   "}}]',
        "utf-8",
    )
    good, bad = read(path)
    assert [one.post.id for one in good] == ["a"]
    assert sorted(bad) == [f"posts.json[{n}]" for n in (1, 2, 3, 4)]


def test_hangul_is_composed_and_control_characters_are_dropped() -> None:
    post = PostInput(id="a", title=unicodedata.normalize("NFD", "봄"), text="글\x00.\u0007")
    good, _ = read(None, post)
    assert (good[0].post.title, good[0].post.text) == ("봄", "글.")


@pytest.mark.parametrize("sources", ["https://a.b/feed.xml", "/no/such/folder"])
def test_sources_that_cannot_be_used_at_all_are_bad_input(sources: str) -> None:
    with pytest.raises(BadInput) as caught:
        list(read_all(MagazineBrief(angle="봄", sources=sources)))
    assert caught.value.field == "sources"
    assert "/no/such" not in str(caught.value)
