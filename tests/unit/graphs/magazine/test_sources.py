from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fabula.documents.magazine import MagazineBrief, SourceSet
from fabula.errors import BadInput
from fabula.graphs.magazine.intake import pictures as module
from fabula.graphs.magazine.sources import fetch_sources
from fabula.testing.magazine import brief_of
from fabula.testing.memory import memory_services


def picture(path: Path, colour: str = "#336699") -> Path:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(buffer, "PNG")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(buffer.getvalue())
    return path


async def fetch(brief: MagazineBrief) -> tuple[SourceSet, Any]:
    services, _, _ = memory_services({})
    state = {"brief": await services.documents.put(brief)}
    update = await fetch_sources(services)(state)
    return await services.documents.get(SourceSet, update["sources"]), services


async def from_json(folder: Path, *posts: dict[str, Any]) -> tuple[SourceSet, Any]:
    (folder / "posts.json").write_text(json.dumps(posts), "utf-8")
    return await fetch(MagazineBrief(angle="봄", sources=str(folder / "posts.json")))


def post(id_: str, **fields: Any) -> dict[str, Any]:
    return {"id": id_, "title": "가", "text": "글.", **fields}


async def test_posts_become_a_document_without_a_path_of_this_machine(tmp_path: Path) -> None:
    found, _ = await from_json(tmp_path, post("a"), post("b"), post("a"))
    assert [one.id for one in found.posts] == ["a", "b"]
    assert [one.source for one in found.problems] == ["posts.json[2]"]
    assert str(tmp_path) not in found.model_dump_json()


async def test_a_picture_becomes_an_artifact_named_by_its_hash(tmp_path: Path) -> None:
    picture(tmp_path / "img" / "a.png")
    found, services = await from_json(tmp_path, post("a", image="img/a.png", image_alt="푸른 벽"))
    (artifact,) = await services.artifacts.list()
    assert found.posts[0].picture == artifact.hash
    assert found.posts[0].picture_alt == "푸른 벽"
    assert artifact.name.startswith(f"pictures/{artifact.hash[:12]}.")
    data = await services.artifacts.read(artifact.hash)
    assert hashlib.sha256(data).hexdigest() == artifact.hash


@pytest.mark.parametrize(
    ("image", "says"),
    [
        ("none.png", "없습니다"),
        ("../outside.png", "밖"),
        ("https://a.b/c.png", "웹 주소"),
        ("text.png", "text.png"),
        ("link.png", "밖"),
    ],
)
async def test_a_bad_picture_costs_the_picture_and_not_the_post(
    tmp_path: Path, image: str, says: str
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    picture(tmp_path / "outside.png")
    (folder / "text.png").write_text("no picture")
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    found, services = await from_json(folder, post("a", image=image))
    assert found.posts[0].picture is None
    assert says in found.problems[0].reason
    assert str(tmp_path) not in found.problems[0].reason
    assert not await services.artifacts.list()


async def test_a_picture_past_its_size_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PICTURE_BYTES", 10)
    picture(tmp_path / "a.png")
    found, _ = await from_json(tmp_path, post("a", image="a.png"))
    assert "MB" in found.problems[0].reason


async def test_an_address_that_is_no_web_address_is_left_out(tmp_path: Path) -> None:
    found, _ = await from_json(tmp_path, post("a", url="javascript:alert(1)"))
    assert found.posts[0].url is None
    assert "http(s)" in found.problems[0].reason


async def test_no_post_left_lists_every_problem(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        await from_json(tmp_path, {"id": "a"}, post("b", text=""))
    assert caught.value.field == "sources"
    assert "posts.json[0]: title" in caught.value.ko
    assert "posts.json[1]: text" in caught.value.ko


async def test_no_posts_at_all_is_bad_input() -> None:
    with pytest.raises(BadInput, match="sources"):
        await fetch(MagazineBrief(angle="봄"))


async def test_an_unknown_featured_post_lists_the_ids() -> None:
    with pytest.raises(BadInput, match="`zzz` is no post of this brief; its posts: a1, a2") as bad:
        await fetch(brief_of(2, featured=("a1", "zzz")))
    assert bad.value.field == "featured"
