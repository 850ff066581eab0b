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
    assert walked(tmp_path) == (["a/c/x.HTML", "a/y.txt", "b.md", "feed.xml", "z.markdown"], {})


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
    names, problems = walked(inside)
    assert names == ["z.md"]
    assert sorted(problems) == ["a.md", "folder", "out.md", "round.md"]


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
    ],
)
def test_one_file_is_read_as_what_it_is(name: str, text: str, kind: str) -> None:
    assert kind_of(Path(name), text) == kind


def test_a_pipe_and_a_file_that_is_not_there_do_not_hold_us(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    for name in ("pipe.md", "none.md"):
        with pytest.raises(Unreadable):
            read_bytes(tmp_path / name)
