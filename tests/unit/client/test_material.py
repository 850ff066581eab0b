from __future__ import annotations

import json
from pathlib import Path

import pytest

from fabula.client.material import placing
from fabula.documents.magazine import MagazineBrief
from fabula.errors import BadInput

POST = {"id": "p1", "title": "가을 산책", "text": "숲길을 오래 걸었다. 바람이 찼다. " * 5}
FILE = "file:" + "0" * 32


def test_a_folder_is_packed_whole_and_named_by_its_upload(tmp_path: Path) -> None:
    folder = tmp_path / "글"
    folder.mkdir()
    (folder / "a.md").write_text("# 가을\n", "utf-8")
    (tmp_path / "brief.yaml").write_text("angle: 가을\nsources: 글\n", "utf-8")
    plan = placing("magazine", tmp_path / "brief.yaml")
    (one,) = plan.sending
    assert (one.root, list(one.files)) == (folder, [folder / "a.md"])
    assert one.ready(tmp_path).name == "글.zip"
    brief = plan.brief_with({one.path: one.reference(FILE)})
    assert (brief["sources"], brief["angle"]) == (FILE, "가을")
    assert str(tmp_path) not in json.dumps(brief)


def test_a_file_takes_its_folder_along_as_far_as_it_needs_it(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    (tmp_path / "private.jpg").write_bytes(b"x")
    (tmp_path / "posts.json").write_text(json.dumps([{**POST, "image": "a.jpg"}]), "utf-8")
    plan = placing("magazine", {"angle": "가을", "sources": str(tmp_path / "posts.json")})
    (one,) = plan.sending
    assert list(one.files) == [tmp_path / "posts.json", tmp_path / "a.jpg"]
    assert one.reference(FILE) == f"{FILE}/posts.json"


def test_pictures_of_posts_in_the_brief_are_sent_once_each(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    posts = [{**POST, "id": f"p{number}", "image": "a.jpg"} for number in (1, 2)]
    (tmp_path / "brief.json").write_text(json.dumps({"angle": "가을", "posts": posts}), "utf-8")
    plan = placing("magazine", str(tmp_path / "brief.json"))
    (one,) = plan.sending
    assert (one.root, one.ready(tmp_path / "unused")) == (None, tmp_path / "a.jpg")
    brief = plan.brief_with({one.path: one.reference(FILE)})
    assert [post["image"] for post in brief["posts"]] == [FILE, FILE]


@pytest.mark.parametrize("sources", ["https://example.com/feed.xml", FILE, f"{FILE}/a.json"])
def test_what_is_not_on_this_machine_stays_as_it_is(sources: str) -> None:
    plan = placing("magazine", MagazineBrief(angle="가을", sources=sources))
    assert plan.sending == ()
    assert plan.brief_with({}) == {"angle": "가을", "sources": sources}


def test_what_is_not_there_is_named_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "brief.yaml").write_text("angle: 가을\nsources: gone.json\n", "utf-8")
    with pytest.raises(BadInput) as caught:
        placing("magazine", tmp_path / "brief.yaml")
    assert caught.value.field == "brief.sources"
    assert "gone.json" in caught.value.en


def test_a_wrong_brief_is_told_of_as_by_a_run_of_ones_own(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        placing("magazine", {"angle": ""})
    assert caught.value.field == "angle"
    with pytest.raises(BadInput):
        placing("nothing", {"angle": "가을"})
