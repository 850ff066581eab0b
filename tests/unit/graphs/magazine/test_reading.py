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
from fabula.graphs.magazine.templates import HOUSE_RULES

BODY = "우체국 뒷골목의 초록색 문."


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
    markdown(
        tmp_path,
        "b.md",
        "둘째로 적는 이야기입니다.",
        title="나",
        id="second",
        date="2026-03-01",
        layout="post",
    )
    markdown(
        tmp_path,
        "a.md",
        "첫째로 적는 이야기입니다.",
        title="가",
        author="김",
        url="https://a.b",
        tags="[x, y]",
    )
    good, bad = read(tmp_path)
    assert not bad
    assert [(one.source, one.post.id, one.post.text) for one in good] == [
        ("a.md", "a", "첫째로 적는 이야기입니다."),
        ("b.md", "second", "둘째로 적는 이야기입니다."),
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
    markdown(tmp_path, "good.md", f"좋은 글. {BODY}", title="좋은 글")
    markdown(tmp_path, "dup.md", f"다른 글. {BODY}", title="겹침", id="good")
    markdown(tmp_path, "empty.md", "", title="빈 글")
    markdown(tmp_path, "number.md", f"셋째. {BODY}", title="2024")
    markdown(tmp_path, "badid.md", f"넷째. {BODY}", title="가", id="'../x'")
    markdown(tmp_path, "bomb.md", f"다섯째. {BODY}", title="&a 가", author="*a")
    (tmp_path / "none.md").write_text(f"앞머리 없는 글. {BODY}", "utf-8")
    (tmp_path / "broken.md").write_text(f"---\ntitle: [가\n---\n여섯째. {BODY}", "utf-8")
    (tmp_path / "euckr.md").write_bytes(f"---\ntitle: 가\n---\n{BODY}".encode("euc-kr"))
    (tmp_path / "japanese.md").write_bytes("今日は天気がいいですね。".encode("shift_jis"))
    (tmp_path / "copy.md").write_text(f"---\ntitle: 좋은 글\n---\n좋은 글. {BODY}", "utf-8")
    good, bad = read(tmp_path)
    by_source = {one.source: one for one in good}
    assert sorted(bad) == ["empty.md", "euckr.md", "good.md", "japanese.md"]
    assert bad["empty.md"] == "글이 없습니다."
    assert "copy.md와 같은 글" in bad["good.md"]
    assert "UTF-8" in bad["japanese.md"]
    assert by_source["none.md"].post.title == "none"
    assert by_source["number.md"].post.title == "2024"
    assert by_source["badid.md"].post.id == "x"
    assert by_source["euckr.md"].post.text == BODY
    assert bad["euckr.md"] == "인코딩을 CP949로 읽었습니다"
    repaired = [one.source for one in good if one.problems]
    assert repaired == ["bomb.md", "broken.md"]
    said = [problem for one in good for problem in one.problems]
    assert {one.kind for one in said} == {"front_matter_repaired"}
    assert all("YAML" in one.reason for one in said)
    assert str(tmp_path) not in "".join(bad.values())


def test_ids_are_unique_and_stay_with_their_files(tmp_path: Path) -> None:
    for name, text in (("a/봄.md", "하나"), ("b/봄.md", "둘"), ("c/index.md", "셋")):
        markdown(tmp_path, name, f"{text}. {BODY}", title="봄")
    markdown(tmp_path, "d.md", f"넷. {BODY}", title="봄", id="봄")
    first, _ = read(tmp_path)
    ids = {one.source: one.post.id for one in first}
    assert (ids["a/봄.md"], ids["c/index.md"]) == ("봄", "c")
    assert len(set(ids.values())) == 4
    assert ids["b/봄.md"].startswith("봄-")
    assert [one.source for one in first if one.problems] == ["b/봄.md", "d.md"]
    markdown(tmp_path, "aa.md", f"다섯. {BODY}", title="여름")
    again, _ = read(tmp_path)
    assert {one.source: one.post.id for one in again}.items() >= ids.items()


def test_a_brief_whose_posts_are_too_much_together_keeps_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_CHARACTERS", 20)
    markdown(tmp_path, "a.md", "하나둘셋넷다섯여섯일곱", title="가")
    markdown(tmp_path, "b.md", "하나둘셋넷다섯여섯일곱여덟", title="나")
    good, bad = read(tmp_path)
    assert [one.source for one in good] == ["a.md"]
    assert "너무 깁니다" in bad["b.md"]


def test_a_files_name_becomes_an_id_that_may_stand_in_a_prompt(tmp_path: Path) -> None:
    name = unicodedata.normalize("NFD", "2026 봄 <산책>!.md")
    markdown(tmp_path, name, BODY, title="가")
    good, bad = read(tmp_path)
    assert ([one.post.id for one in good], bad) == (["2026-봄-산책"], {})


def test_a_link_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    outside.mkdir()
    markdown(inside, "a.md", BODY, title="가")
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
    markdown(tmp_path, "a.md", BODY, title="가")
    markdown(tmp_path, "b.md", "글" * 300, title="나")
    markdown(tmp_path, "c.md", BODY, title="다")
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


@pytest.mark.parametrize("name", ["feed.xml", "page.html", "page.md", "page"])
@pytest.mark.parametrize(
    ("title", "body"),
    [
        ("404 Not Found", "<h1>404 Not Found</h1><hr><center>nginx/1.18.0 (Ubuntu)</center>"),
        ("오류", "<h2>요청하신 페이지를 찾을 수 없습니다.</h2><p>주소를 다시 확인해 주세요.</p>"),
        ("Error 404 (Not Found)!!1", "<p>The requested URL /feed was not found here.</p>"),
        ("Just a moment...", "Checking your browser before accessing the site"),
    ],
)
def test_a_servers_refusal_is_no_post(tmp_path: Path, name: str, title: str, body: str) -> None:
    page = f"<html><head><title>{title}</title></head><body>{body}</body></html>"
    (tmp_path / name).write_text(page, "utf-8")
    good, bad = read(tmp_path / name)
    assert good == []
    (reason,) = bad.values()
    assert "HTML 페이지" in reason if name == "feed.xml" else "오류 페이지" in reason
    if name != "page":
        good, bad = read(tmp_path)
        assert (good, list(bad)) == ([], [name])


def test_a_post_about_an_error_is_a_post(tmp_path: Path) -> None:
    page = f"<html><title>404 Not Found</title><body><p>{BODY * 50}</p></body></html>"
    (tmp_path / "a.html").write_text(page, "utf-8")
    (tmp_path / "b.md").write_text(f"# 404번 버스를 타고\n\n{BODY}", "utf-8")
    (tmp_path / "c.html").write_text(f"<html><h1>404번 버스</h1><p>{BODY}</p></html>", "utf-8")
    good, bad = read(tmp_path)
    assert ([one.source for one in good], bad) == (["a.html", "b.md", "c.html"], {})


def test_a_file_with_next_to_no_text_is_no_post_and_a_given_post_is(tmp_path: Path) -> None:
    least = HOUSE_RULES.posts.least_letters
    (tmp_path / "few.md").write_text("가" * (least - 1) + " .,!🎉" * 20, "utf-8")
    (tmp_path / "enough.md").write_text("나" * least, "utf-8")
    good, bad = read(tmp_path, PostInput(id="given", title="짧은 글", text="봄."))
    assert [one.source for one in good] == ["enough.md", "posts[0]"]
    assert bad == {
        "few.md": f"글이 너무 짧습니다. 글자와 숫자가 {least - 1}자인데 {least}자는 있어야 합니다"
    }


def test_an_encoding_is_told_once_for_its_file(tmp_path: Path) -> None:
    items = "".join(
        f"<item><title>글 {n}</title><description>{BODY}{n}</description></item>" for n in "가나"
    )
    feed = f"<rss version='2.0'><channel>{items}</channel></rss>"
    (tmp_path / "feed.xml").write_bytes(feed.encode("euc-kr"))
    posts = json.dumps([{"id": "a", "title": "가", "text": BODY}], ensure_ascii=False)
    (tmp_path / "posts.json").write_bytes(posts.encode("cp949"))
    for name, count in (("feed.xml", 2), ("posts.json", 1)):
        good, bad = read(tmp_path / name)
        assert len(good) == count
        assert bad == {name: "인코딩을 CP949로 읽었습니다"}


def test_what_its_author_has_shown_to_nobody_is_refused(tmp_path: Path) -> None:
    (tmp_path / "_drafts").mkdir()
    (tmp_path / "_drafts" / "a.md").write_text(BODY, "utf-8")
    (tmp_path / "b.md").write_text(f"---\nstatus: private\n---\n{BODY}", "utf-8")
    items = "".join(
        f"<item><title>{state}</title><description>{state}. {BODY}</description>"
        f"<wp:status>{state}</wp:status></item>"
        for state in ("publish", "draft", "private")
    )
    (tmp_path / "c.xml").write_text(
        "<rss version='2.0' xmlns:wp='http://wordpress.org/export/1.2/'>"
        f"<channel>{items}</channel></rss>",
        "utf-8",
    )
    good, bad = read(tmp_path)
    assert [one.post.title for one in good] == ["publish"]
    assert sorted(bad) == ["_drafts/a.md", "b.md", "c.xml[1]", "c.xml[2]"]
    assert all("비공개" in reason for reason in bad.values())
    good, bad = read(tmp_path / "_drafts")
    assert [one.source for one in good] == ["a.md"]


def test_an_address_alone_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("https://example.com/a/long/address/and/nothing/else", "utf-8")
    (tmp_path / "b.html").write_text("<p><a href='https://a.b'>https://example.com/long</a></p>")
    good, bad = read(tmp_path)
    assert (good, sorted(bad)) == ([], ["a.md", "b.html"])
    assert all("너무 짧습니다" in reason for reason in bad.values())
