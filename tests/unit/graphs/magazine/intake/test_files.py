from __future__ import annotations

import os
from pathlib import Path

import pytest

from fabula.documents.magazine import SourceProblem
from fabula.graphs.magazine.intake import files
from fabula.graphs.magazine.intake.encoding import Unreadable
from fabula.graphs.magazine.intake.files import Source, kind_of, read_bytes, walk


def walked(folder: Path) -> tuple[list[str], dict[str, str]]:
    found = list(walk(folder))
    problems = {one.source: one.reason for one in found if isinstance(one, SourceProblem)}
    return [one.name for one in found if isinstance(one, Source)], problems


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("글")


def test_posts_are_found_at_every_depth_and_what_is_hidden_is_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "b.md", "a/c/x.HTML", "a/y.txt", "z.markdown", "feed.xml")
    touch(tmp_path, ".git/config.md", ".hidden.md", "a/.obsidian/n.md", "node_modules/p/readme.md")
    touch(tmp_path, "img/a.jpg", "style.css", "app.js", "__MACOSX/b.md")
    names, problems = walked(tmp_path)
    assert names == ["a/c/x.HTML", "a/y.txt", "b.md", "feed.xml", "z.markdown"]
    assert sorted(problems) == [tmp_path.name]


def told(folder: Path) -> list[str]:
    found = [one for one in walk(folder) if isinstance(one, SourceProblem)]
    assert {one.kind for one in found} <= {"passed_over"}
    assert {one.source for one in found} <= {folder.name}
    return [one.reason for one in found]


def test_what_is_passed_over_is_summed_up_by_why(tmp_path: Path) -> None:
    assert told(tmp_path) == []
    touch(tmp_path, "a.md", ".hidden.md", ".git/config", "a/.DS_Store", "node_modules/p/readme.md")
    touch(tmp_path, "img/a.jpg", "img/b.JPG", "style.css", "Thumbs.db", "a/__MACOSX/b.md")
    assert told(tmp_path) == [
        "글이 아니어서 지나간 파일 4개: .jpg 2개, style.css, Thumbs.db",
        "숨은 파일과 폴더 3개: .git/, .hidden.md, a/.DS_Store",
        "도구가 만든 폴더 2개: a/__MACOSX/, node_modules/",
    ]


def test_of_many_names_that_are_passed_over_some_are_told_and_all_counted(tmp_path: Path) -> None:
    touch(tmp_path, *(f".{n}.md" for n in range(9)))
    assert told(tmp_path) == [
        "숨은 파일과 폴더 9개: .0.md, .1.md, .2.md, .3.md, .4.md, .5.md 외 3가지"
    ]


def test_a_folder_deeper_than_anyone_writes_does_not_exhaust_us(tmp_path: Path) -> None:
    tmp_path.joinpath(*["d"] * 300).mkdir(parents=True)
    touch(tmp_path, "a.md", "d/d/b.md")
    names, problems = walked(tmp_path)
    assert names == ["a.md", "d/d/b.md"]
    ((source, reason),) = problems.items()
    assert source == "/".join(["d"] * (files.DEEPEST + 1))
    assert "100겹" in reason


def test_a_name_is_one_line_whatever_is_in_it(tmp_path: Path) -> None:
    touch(tmp_path, "🎉 파티.md", "두\n줄.md", "빈\r\n칸\t.hwp", "\u202e거꾸로.md")
    names, problems = walked(tmp_path)
    assert names == ["거꾸로.md", "두␤줄.md", "🎉 파티.md"]
    assert all("\n" not in one and "\r" not in one for one in (*names, *problems))


def test_a_folder_that_may_not_be_read_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "a.md", "gone/b.md")
    scan = os.scandir

    def gone(path: Path) -> object:
        if Path(path).name == "gone":
            raise PermissionError(13, "no", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", gone)
    assert walked(tmp_path) == (["a.md"], {"gone": "폴더를 읽을 수 없습니다"})


def test_other_documents_are_told_of(tmp_path: Path) -> None:
    touch(tmp_path, "글.hwp", "b.docx", "c.pdf", "noext")
    _, problems = walked(tmp_path)
    assert sorted(problems) == ["b.docx", "c.pdf", "noext", "글.hwp"]
    assert "(.hwp)" in problems["글.hwp"]


def test_links_are_followed_only_where_they_stay_and_lead_to_something_new(tmp_path: Path) -> None:
    inside = tmp_path / "in"
    touch(inside, "z.md")
    touch(tmp_path, "out/secret.md")
    (inside / "a.md").symlink_to(inside / "z.md")
    (inside / "out.md").symlink_to(tmp_path / "out" / "secret.md")
    (inside / "folder").symlink_to(tmp_path / "out")
    (inside / "round.md").symlink_to(inside / "round.md")
    (inside / "up").symlink_to(inside, target_is_directory=True)
    (inside / "ping.md").symlink_to(inside / "pong.md")
    (inside / "pong.md").symlink_to(inside / "ping.md")
    names, problems = walked(inside)
    assert names == ["z.md"]
    assert sorted(problems) == ["a.md", "folder", "out.md", "ping.md", "pong.md", "round.md", "up"]


def test_a_name_that_is_no_utf_8_is_shown_as_text(tmp_path: Path) -> None:
    try:
        with open(os.fsencode(tmp_path) + "/봄.md".encode("cp949"), "w") as file:  # noqa: PTH123
            file.write("글")
    except OSError:
        pytest.skip("this file system holds UTF-8 names alone")
    assert walked(tmp_path)[0] == ["봄.md"]


def test_too_many_problems_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_REPORTED", 3)
    touch(tmp_path, *(f"{n}.doc" for n in range(9)))
    _, problems = walked(tmp_path)
    assert len(problems) == 4
    assert "6개 더" in problems[tmp_path.name]


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("a.json", "[]", "json"),
        ("a.txt", '[{"id": 1}]', "text"),
        ("posts", '[{"id": 1}]', "json"),
        ("a.md", "# 글", "markdown"),
        ("a.xml", "<?xml version='1.0'?><rss>", "feed"),
        ("feed", "<feed xmlns='http://www.w3.org/2005/Atom'>", "feed"),
        ("a.php", "<!DOCTYPE html><p>글", "html"),
        ("a.md", "<html><p>글", "html"),
        ("a", "글", "text"),
        ("a.xml", "<!doctype html><h1>404", "feed"),
        ("sitemap.xml", "<urlset>", "feed"),
        ("a.rss", "글", "feed"),
    ],
)
def test_one_file_is_read_as_what_it_is(name: str, text: str, kind: str) -> None:
    assert kind_of(Path(name), text) == kind


def test_a_pipe_and_a_file_that_is_not_there_do_not_hold_us(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "empty.md").touch()
    for name in ("pipe.md", "none.md", "empty.md"):
        with pytest.raises(Unreadable):
            read_bytes(tmp_path / name)
