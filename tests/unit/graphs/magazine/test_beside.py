"""Which files belong to a file of posts: the pictures that they show, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from fabula.documents.magazine import MagazineBrief
from fabula.graphs.magazine.beside import beside

TEXT = "숲길을 오래 걸었다. 바람이 찼다. 잎이 떨어졌다. " * 3


def material(tmp_path: Path, *names: str) -> Path:
    folder = tmp_path / "material"
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


def found(file: Path) -> Sequence[str]:
    brief = MagazineBrief(angle="가을", sources=str(file))
    (files,) = beside(brief).values()
    return [one.relative_to(file.parent).as_posix() for one in files]


def test_a_json_file_takes_its_posts_pictures_along(tmp_path: Path) -> None:
    folder = material(tmp_path, "a.jpg", "그림/b c.png", "other.jpg", "c.jpg")
    images = ("a.jpg", "그림/b c.png", "gone.jpg", "https://example.com/c.jpg", "../secret.jpg")
    (tmp_path / "secret.jpg").write_bytes(b"x")
    posts = [
        {"id": f"p{number}", "title": "가을", "text": f"{number} {TEXT}", "image": image}
        for number, image in enumerate(images)
    ]
    (folder / "posts.json").write_text(json.dumps(posts), "utf-8")
    assert found(folder / "posts.json") == ["a.jpg", "그림/b c.png"]


def test_a_post_takes_the_pictures_of_its_text_that_may_be_looked_at(tmp_path: Path) -> None:
    folder = material(tmp_path, *(f"{number}.png" for number in range(6)))
    pictures = "\n\n".join(f"![그림]({number}.png)" for number in range(5))
    (folder / "index.md").write_text(f"---\nimage: 5.png\n---\n# 가을\n\n{TEXT}\n\n{pictures}\n")
    assert found(folder / "index.md") == ["0.png", "1.png", "5.png"]


def test_a_picture_through_a_link_keeps_the_name_that_the_post_knows(tmp_path: Path) -> None:
    folder = material(tmp_path, "real/a.png")
    (folder / "b.png").symlink_to("real/a.png")
    (folder / "post.md").write_text(f"# 가을\n\n{TEXT}\n\n![그림](b.png)\n")
    assert found(folder / "post.md") == ["b.png"]


@pytest.mark.parametrize("sources", ["https://example.com/feed.xml", "/nowhere/posts.json", None])
def test_what_is_no_file_has_nothing_beside_it(sources: str | None) -> None:
    assert beside(MagazineBrief(angle="가을", sources=sources)) == {}


def test_a_folder_is_sent_whole_and_needs_nothing_beside_it(tmp_path: Path) -> None:
    assert beside(MagazineBrief(angle="가을", sources=str(material(tmp_path, "a.jpg")))) == {}


def test_posts_in_the_brief_do_not_count(tmp_path: Path) -> None:
    folder = material(tmp_path, "a.jpg")
    (folder / "post.md").write_text(f"# 가을\n\n{TEXT}\n")
    post = {"id": "p", "title": "가을", "text": TEXT, "image": str(folder / "a.jpg")}
    brief = MagazineBrief.model_validate(
        {"angle": "가을", "sources": str(folder / "post.md"), "posts": [post]}
    )
    assert beside(brief) == {str(folder / "post.md"): ()}
