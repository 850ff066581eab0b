from __future__ import annotations

import base64
import io
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from PIL import Image as Pillow

from fabula.documents.magazine import PostInput
from fabula.errors import BadInput
from fabula.graphs.magazine.intake.html import Image
from fabula.graphs.magazine.intake.pictures import Pictures, Taken, left_on_the_web
from fabula.graphs.magazine.reading import Found
from fabula.safety.fetch import Fetched


def png(width: int = 80, height: int = 70) -> bytes:
    buffer = io.BytesIO()
    Pillow.new("RGB", (width, height), "#336699").save(buffer, "PNG")
    return buffer.getvalue()


class Web:
    """Hand out pictures by address; any other address is refused."""

    def __init__(self, answers: Mapping[str, bytes]) -> None:
        self.asked: list[str] = []
        self._answers = answers

    async def __call__(self, url: str, *, accept: Collection[str], most: int) -> Fetched:
        self.asked.append(url)
        if url not in self._answers:
            raise BadInput(url, "answers 404", "404로 응답합니다")
        return Fetched(url, "image/png", self._answers[url])


def found(
    *images: str, image: str | None = None, folder: Path | None = None, base: str = ""
) -> Found:
    return Found(
        "a.md",
        PostInput(id="a", title="가", text="글", image=image),
        folder,
        folder.resolve() if folder else None,
        base or None,
        tuple(Image(src, f"{src}의 설명") for src in images),
    )


async def take(post: Found, web: Web | None = None, *, most: int = 60) -> Taken:
    return await Pictures(web or Web({}), most=most).take(post)


@pytest.mark.parametrize(
    "src",
    [
        "img/벚꽃 1.png",
        "./img/벚꽃 1.png",
        "img/" + quote("벚꽃 1.png"),
        "img/벚꽃 1.png?w=300#top",
        "/img/벚꽃 1.png",
        "img/" + unicodedata.normalize("NFD", "벚꽃 1.png"),
    ],
)
async def test_a_picture_is_found_however_the_post_writes_its_place(
    tmp_path: Path, src: str
) -> None:
    (tmp_path / "img").mkdir()
    (tmp_path / "img" / "벚꽃 1.png").write_bytes(png())
    taken = await take(found(src, folder=tmp_path))
    assert taken.picture
    assert not taken.problems


async def test_the_first_good_picture_is_taken_and_the_bad_ones_before_it_told(
    tmp_path: Path,
) -> None:
    (tmp_path / "b.png").write_bytes(b"no picture")
    (tmp_path / "c.png").write_bytes(png())
    taken = await take(found("a.png", "b.png", "c.png", folder=tmp_path))
    assert taken.picture
    assert taken.picture.alt == "c.png의 설명"
    assert [one.kind for one in taken.problems] == ["picture_refused"] * 2
    assert "a.png" in taken.problems[0].reason


async def test_no_more_than_three_pictures_of_a_post_are_looked_at(tmp_path: Path) -> None:
    taken = await take(found(*(f"{n}.png" for n in range(9)), folder=tmp_path))
    assert taken.picture is None
    assert len(taken.problems) == 3


async def test_an_icon_of_the_text_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "icon.png").write_bytes(png(20, 20))
    assert await take(found("icon.png", folder=tmp_path)) == Taken(None)
    assert (await take(found(image="icon.png", folder=tmp_path))).picture


@pytest.mark.parametrize(
    "src",
    [
        "../secret.png",
        "/etc/passwd",
        "..%2fsecret.png",
        "link.png",
        "a\0b.png",
        "img/../../secret.png",
    ],
)
async def test_a_post_does_not_reach_out_of_its_folder(tmp_path: Path, src: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (tmp_path / "secret.png").write_bytes(png())
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    taken = await take(found(src, folder=folder))
    assert taken.picture is None
    assert taken.problems


async def test_a_file_fetches_nothing_from_the_web_and_says_so_once(tmp_path: Path) -> None:
    (tmp_path / "c.png").write_bytes(png())
    web = Web({})
    srcs = ("https://a.example.com/a.png", "//b.example.com/b.png", "http://c.example.com/c.png")
    taken = await take(found(*srcs, "c.png", folder=tmp_path), web)
    assert taken.picture
    assert not web.asked
    assert (taken.problems, taken.left) == ((), srcs)


def test_pictures_left_on_the_web_are_told_once_for_each_file() -> None:
    posts = [
        (found("x"), Taken(None, left=("https://a.example.com/1.png",))),
        (replace(found("x"), source="[공지] 글.md"), Taken(None)),
        (replace(found("x"), source="feed.xml[0]"), Taken(None, left=("//b/2.png?w=1", "//b/3"))),
        (replace(found("x"), source="feed.xml[1]"), Taken(None, left=("//b/4.png",))),
    ]
    told = {one.source: one.reason for one in left_on_the_web(posts)}
    assert sorted(told) == ["a.md", "feed.xml"]
    assert told["feed.xml"].startswith("그림 2.png 등 3개: 웹 주소")


async def test_a_post_of_the_web_takes_its_pictures_through_the_guard() -> None:
    web = Web({"https://blog.example.com/img/a%20b.png": png()})
    post = found("none.png", "/img/a b.png", base="https://blog.example.com/2024/spring")
    taken = await take(post, web)
    assert taken.picture
    assert web.asked[0] == "https://blog.example.com/2024/none.png"
    assert "404" in taken.problems[0].reason


async def test_a_post_of_the_web_never_reads_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png())
    web = Web({})
    path = str(tmp_path / "a.png")
    post = found(path, f"file://{path}", "http://[bad", base="https://blog.example.com/")
    taken = await take(post, web)
    assert taken.picture is None
    assert web.asked == [f"https://blog.example.com{path}", f"file://{path}"]


async def test_a_run_fetches_only_so_many_pictures() -> None:
    web = Web({"https://a.example.com/a.png": png()})
    pictures = Pictures(web, most=1)
    post = found("a.png", base="https://a.example.com/")
    assert (await pictures.take(post)).picture
    refused = await pictures.take(post)
    assert refused.picture is None
    assert "다 되었습니다" in refused.problems[0].reason


@pytest.mark.parametrize("base", ["", "https://example.com/"])
async def test_a_picture_inside_the_text_is_taken_without_a_look_elsewhere(
    tmp_path: Path, base: str
) -> None:
    web, packed = Web({}), base64.b64encode(png()).decode()
    for src in (f"data:image/png;base64,{packed}", f"data:image/png;base64,{quote(packed)}"):
        taken = await take(found(src, folder=tmp_path, base=base), web)
        assert taken.picture
    assert web.asked == []


@pytest.mark.parametrize(
    ("src", "says"),
    [
        ("data:image/png;base64,!!!", "base64"),
        ("data:image/png,abc", "모양"),
        ("data:image/png;base64," + base64.b64encode(b"none").decode(), "글 속에 든 것"),
    ],
)
async def test_a_broken_picture_inside_the_text_is_told_and_not_quoted(
    tmp_path: Path, src: str, says: str
) -> None:
    taken = await take(found(src, folder=tmp_path))
    (problem,) = taken.problems
    assert says in problem.reason
    assert problem.reason.startswith("그림 글 속에 든 것: ")


@pytest.mark.parametrize("place", ["사진.png", "노트/사진.png", "노트/static/사진.png"])
async def test_a_note_books_picture_is_found_above_the_note(tmp_path: Path, place: str) -> None:
    (tmp_path / "노트" / "일기" / "봄").mkdir(parents=True)
    (tmp_path / "노트" / "static").mkdir()
    (tmp_path / place).write_bytes(png())
    note = replace(found("사진.png", folder=tmp_path), folder=tmp_path / "노트" / "일기" / "봄")
    assert (await take(note)).picture


async def test_no_picture_is_looked_for_above_the_folder_of_the_posts(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "사진.png").write_bytes(png())
    taken = await take(found("사진.png", folder=tmp_path / "in"))
    assert taken.picture is None
