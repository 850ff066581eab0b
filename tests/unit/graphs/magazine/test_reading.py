from __future__ import annotations

import json
import unicodedata
from datetime import date
from pathlib import Path

import pytest

from fabula.documents.magazine import MagazineBrief, PostInput, SourceProblem
from fabula.errors import BadInput
from fabula.graphs.magazine import reading
from fabula.graphs.magazine.intake import files
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
    (tmp_path / "japanese.md").write_bytes("今日は天気がいいですね。".encode("shift_jis"))
    (tmp_path / "copy.md").write_text("---\ntitle: 좋은 글\n---\n좋은 글.", "utf-8")
    good, bad = read(tmp_path)
    by_source = {one.source: one for one in good}
    assert sorted(bad) == ["empty.md", "good.md", "japanese.md"]
    assert bad["empty.md"] == "글이 없습니다."
    assert "copy.md와 같은 글" in bad["good.md"]
    assert "UTF-8" in bad["japanese.md"]
    assert by_source["none.md"].post.title == "none"
    assert by_source["number.md"].post.title == "2024"
    assert by_source["badid.md"].post.id == "x"
    assert by_source["euckr.md"].post.text == "글"
    assert by_source["euckr.md"].encoding == "cp949"
    repaired = [one.source for one in good if one.problems]
    assert repaired == ["bomb.md", "broken.md"]
    said = [problem for one in good for problem in one.problems]
    assert {one.kind for one in said} == {"front_matter_repaired"}
    assert all("YAML" in one.reason for one in said)
    assert str(tmp_path) not in "".join(bad.values())


def test_ids_are_unique_and_stay_with_their_files(tmp_path: Path) -> None:
    for name, text in (("a/봄.md", "하나."), ("b/봄.md", "둘."), ("c/index.md", "셋.")):
        markdown(tmp_path, name, text, title="봄")
    markdown(tmp_path, "d.md", "넷.", title="봄", id="봄")
    first, _ = read(tmp_path)
    ids = {one.source: one.post.id for one in first}
    assert (ids["a/봄.md"], ids["c/index.md"]) == ("봄", "c")
    assert len(set(ids.values())) == 4
    assert ids["b/봄.md"].startswith("봄-")
    assert [one.source for one in first if one.problems] == ["b/봄.md", "d.md"]
    markdown(tmp_path, "aa.md", "다섯.", title="여름")
    again, _ = read(tmp_path)
    assert {one.source: one.post.id for one in again}.items() >= ids.items()


def test_a_brief_whose_posts_are_too_much_together_keeps_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_CHARACTERS", 10)
    markdown(tmp_path, "a.md", "하나둘셋넷", title="가")
    markdown(tmp_path, "b.md", "하나둘셋넷다섯", title="나")
    good, bad = read(tmp_path)
    assert [one.source for one in good] == ["a.md"]
    assert "너무 깁니다" in bad["b.md"]


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
    monkeypatch.setattr(files, "MAX_BYTES", 200)
    monkeypatch.setattr(files, "MAX_FILES", 2)
    markdown(tmp_path, "a.md", "글.", title="가")
    markdown(tmp_path, "b.md", "글" * 300, title="나")
    markdown(tmp_path, "c.md", "글.", title="다")
    good, bad = read(tmp_path)
    assert [one.source for one in good] == ["a.md"]
    assert "MB를 넘습니다" in bad["b.md"]
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


def test_a_path_that_is_not_there_is_bad_input() -> None:
    with pytest.raises(BadInput) as caught:
        list(read_all(MagazineBrief(angle="봄", sources="/no/such/folder")))
    assert caught.value.field == "sources"
    assert "/no/such" not in str(caught.value)
