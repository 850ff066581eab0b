"""One brief with one seed is one article, byte for byte, whichever door it came in by."""

from __future__ import annotations

import json
import shutil
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from fabula.testing.servers import PostgresServer, RedisServer
from tests.service.doors import (
    CommandLine,
    Door,
    Http,
    Library,
    StudioServer,
    child,
    environment,
)
from tests.service.studio import ROOT, studio_at

pytest.importorskip("langgraph_api")

POSTS = ROOT / "examples" / "magazine" / "posts"
NAMES = ("slow-shelf", "salt-ferry", "wheel-diary", "ginkgo-walk", "slow-lane")
ANGLE = {"angle": "가을 골목을 천천히 걷는 하루", "sections": 4, "seed": 7}
MODES = ("single_call", "multi_stage")


def front(name: str) -> tuple[dict[str, str], str]:
    text = next(POSTS.glob(f"*-{name}.md")).read_text("utf-8")
    head, _, body = text.removeprefix("---\n").partition("\n---\n")
    return yaml.safe_load(head), body.strip()


def inline(folder: Path) -> Path:
    """Posts in the brief itself, one with a picture beside it."""
    posts = []
    for name in NAMES:
        fields, body = front(name)
        posts.append({"id": name, "title": fields["title"], "text": body})
    shutil.copy(POSTS / "images" / "slow-shelf.jpg", folder / "표지.jpg")
    posts[0]["image"] = "표지.jpg"
    return written(folder, {**ANGLE, "posts": posts})


def in_a_folder(folder: Path) -> Path:
    """A blog's folder with pictures: a bundle, a name in Hangul taken apart, what is no post."""
    blog = folder / "가을 블로그"
    (blog / "images").mkdir(parents=True)
    for name in NAMES:
        shutil.copy(next(POSTS.glob(f"*-{name}.md")), blog / f"{name}.md")
        shutil.copy(POSTS / "images" / f"{name}.jpg", blog / "images")
    bundle = blog / "은행나무 아래"
    (blog / "ginkgo-walk.md").rename(folder / "moved.md")
    bundle.mkdir()
    fields, body = front("ginkgo-walk")
    (bundle / "index.md").write_text(
        f"# {fields['title']}\n\n![나무](나무.jpg)\n\n{body}\n", "utf-8"
    )
    shutil.copy(POSTS / "images" / "ginkgo-walk.jpg", bundle / "나무.jpg")
    (folder / "moved.md").unlink()
    apart = unicodedata.normalize("NFD", "느린 길.txt")
    (blog / "slow-lane.md").unlink()
    (blog / apart).write_text(front("slow-lane")[1], "utf-8")
    (blog / ".hidden").mkdir()
    (blog / ".hidden" / "x.md").write_text("# 숨은 글\n\n이 글은 아무도 읽지 않습니다.\n", "utf-8")
    (blog / "note.pdf").write_bytes(b"%PDF-1.4")
    (blog / "again.md").symlink_to("slow-shelf.md")
    return written(folder, {**ANGLE, "sources": blog.name})


def in_a_file(folder: Path) -> Path:
    """A JSON file of posts whose pictures lie beside it."""
    material = folder / "material"
    (material / "pictures").mkdir(parents=True)
    posts = []
    for name in NAMES:
        fields, body = front(name)
        shutil.copy(POSTS / "images" / f"{name}.jpg", material / "pictures")
        posts.append(
            {"id": name, "title": fields["title"], "text": body, "image": f"pictures/{name}.jpg"}
        )
    (material / "posts.json").write_text(json.dumps(posts, ensure_ascii=False), "utf-8")
    return written(folder, {**ANGLE, "sources": "material/posts.json"})


def written(folder: Path, brief: Mapping[str, object]) -> Path:
    path = folder / "brief.yaml"
    path.write_text(yaml.safe_dump(dict(brief), allow_unicode=True), "utf-8")
    return path


@pytest.fixture(scope="module")
def doors(
    tmp_path_factory: pytest.TempPathFactory,
    redis_server: RedisServer,
    postgres_server: PostgresServer,
    postgres_template: str,
) -> Iterator[Mapping[str, Door]]:
    """Open every door, each with a home of its own; the worker's service has its own servers."""
    folder = tmp_path_factory.mktemp("doors")
    database = postgres_server.create_database("same_result", template=postgres_template)
    alone = environment(folder / "alone")
    shared = environment(
        folder / "shared", FABULA_DATABASE_URL=database, FABULA_REDIS_URL=redis_server.url
    )
    with ExitStack() as stack:
        stack.callback(postgres_server.drop_database, "same_result")
        serve = ("serve", "--port", "0")
        single = stack.enter_context(child(*serve, log=folder / "alone.log", env=alone))
        several = stack.enter_context(child(*serve, log=folder / "shared.log", env=shared))
        stack.enter_context(child("worker", log=folder / "worker.log", env=shared))
        (folder / "studio").mkdir()
        studio = stack.enter_context(studio_at(folder / "studio"))
        yield {
            "library": Library(folder / "library"),
            "command line": CommandLine(folder / "cli"),
            "http, in-process runner": Http(single),
            "http, ARQ worker": Http(several),
            "command line at a service": CommandLine(folder / "there", server=single),
            "studio": StudioServer(studio),
        }


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("material", [inline, in_a_folder, in_a_file])
def test_every_door_makes_the_same_bytes(
    doors: Mapping[str, Door], material: Callable[[Path], Path], mode: str, tmp_path: Path
) -> None:
    brief = material(tmp_path)
    made = {
        name: door(brief, {"mode": mode}, tmp_path / "out" / name) for name, door in doors.items()
    }
    wanted = made.pop("library")
    assert {"index.html", "layout.json", "thumbnail.png"} < set(wanted)
    assert any(one.startswith("pictures/") for one in wanted)
    for name, other in made.items():
        assert sorted(other) == sorted(wanted), name
        assert [one for one in wanted if other[one] != wanted[one]] == [], name


def test_another_seed_is_another_article(doors: Mapping[str, Door], tmp_path: Path) -> None:
    given = yaml.safe_load(inline(tmp_path).read_text("utf-8"))
    flags = {"mode": "single_call"}
    pages = []
    for seed in (7, 8):
        brief = written(tmp_path, {**given, "seed": seed})
        pages.append(doors["library"](brief, flags, tmp_path / str(seed))["index.html"])
    assert pages[0] != pages[1]
