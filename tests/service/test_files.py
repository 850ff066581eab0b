"""Uploads: what may be sent, whose it is, and that a run reads it like files of its own."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from fabula.graphs.magazine import compose, graph
from fabula.nodes import Node, Services
from fabula.runs import Runner
from fabula.service import create_app
from fabula.service.cursors import cursor_of
from fabula.settings import Settings
from fabula.store.tables import metadata
from fabula.testing.echo import ECHO
from tests.service.conftest import Ended, serving

NAMED_OTHERWISE = (
    b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.md"\r\n\r\na\r\n--x--\r\n'
)
POST = {"id": "p1", "title": "가을 산책", "text": "숲길을 오래 걸었다. 바람이 찼다. " * 20}


async def upload(
    api: httpx.AsyncClient, name: str, data: bytes, kind: str = "application/octet-stream"
) -> httpx.Response:
    return await api.post("/v1/files", files={"file": (name, data, kind)})


def zipped(files: Mapping[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return held.getvalue()


async def test_a_file_is_kept_once_listed_and_deleted(api: httpx.AsyncClient) -> None:
    made = await upload(api, "../글.md", "# 가을".encode(), "text/markdown")
    again = await upload(api, "글.md", "# 가을".encode())
    assert (made.status_code, again.status_code) == (201, 200)
    seen = made.json()
    assert again.json() == seen
    assert made.headers["Location"] == f"/v1/files/{seen['file_id']}"
    assert (seen["name"], seen["media_type"], seen["size"]) == ("글.md", "text/markdown", 8)
    assert seen["reference"] == f"file:{seen['file_id']}"
    assert (await api.get(made.headers["Location"])).json() == seen
    assert (await api.get("/v1/files")).json() == {"files": [seen], "next": None}
    assert (await api.delete(made.headers["Location"])).status_code == 204
    gone = await api.get(made.headers["Location"])
    assert (gone.status_code, gone.json()["code"]) == (404, "unknown_file")
    assert (await api.delete(made.headers["Location"])).status_code == 404
    assert (await api.get("/v1/files")).json() == {"files": [], "next": None}


async def test_files_are_listed_in_pages(api: httpx.AsyncClient) -> None:
    for number in range(5):
        await upload(api, f"{number}.txt", str(number).encode())
    names, cursor = [], ""
    while True:
        page = (await api.get(f"/v1/files?limit=2{cursor}")).json()
        names += [one["name"] for one in page["files"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert names == ["4.txt", "3.txt", "2.txt", "1.txt", "0.txt"]
    odd = [cursor_of(1.5, id_) for id_ in ("\0", "", "a b", "가")]
    for wrong in ("x", *odd):
        for listed in ("files", "runs"):
            answer = await api.get(f"/v1/{listed}", params={"cursor": wrong})
            assert answer.status_code == 422, wrong


@pytest.mark.parametrize(
    ("name", "data", "kind", "wanted"),
    [
        ("a.exe", b"MZ", "application/octet-stream", (415, "file_type")),
        ("a.md", b"\x89PNG\r\n\x1a\n", "text/markdown", (415, "file_type")),
        ("a.png", b"<svg/>", "image/png", (415, "file_type")),
        ("a.md", b"", "text/markdown", (422, "file_content")),
        ("a.zip", b"PK\x03\x04x", "application/zip", (422, "file_content")),
        ("a.zip", zipped({"../x.md": b"x"}), "application/zip", (422, "file_content")),
        ("a.zip", zipped({}), "application/zip", (422, "file_content")),
        ("a.md", b"x" * 20_001, "text/markdown", (413, "file_too_large")),
        ("a.md", b"x" * 200_001, "text/markdown", (413, "file_too_large")),
        ("a.zip", zipped({"a.md": b"\0" * 5_000_000}), "", (413, "file_too_large")),
    ],
)
async def test_what_may_not_be_sent_is_refused_and_leaves_nothing(
    settings: Settings, name: str, data: bytes, kind: str, wanted: tuple[int, str]
) -> None:
    small = settings.model_copy(update={"upload_max_bytes": 20_000})
    async with serving(create_app(small, products={"echo": ECHO})) as api:
        refused = await upload(api, name, data, kind)
        assert (refused.status_code, refused.json()["code"]) == wanted
        assert refused.headers["content-type"] == "application/problem+json"
        assert (await api.get("/v1/files")).json()["files"] == []
    left = [path for path in (settings.home / "uploads").rglob("*") if path.is_file()]
    assert left == []


async def test_a_body_that_only_claims_to_be_small_is_cut_off(settings: Settings) -> None:
    small = settings.model_copy(update={"upload_max_bytes": 20_000})
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.md"\r\n\r\n'
        for _ in range(10_000):
            sent += 10_000
            yield b"x" * 10_000

    async with serving(create_app(small, products={"echo": ECHO})) as api:
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        refused = await api.post("/v1/files", content=endless(), headers=headers)
    assert refused.json()["code"] == "file_too_large"
    assert sent < 1_000_000


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{}", "application/json", 415),
        (b"x", "multipart/form-data", 422),
        (b"x", "multipart/form-data; boundary=x", 422),
        (b"--x\r\n\r\n\r\n--x--\r\n", "multipart/form-data; boundary=x", 422),
        (
            b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\na\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
            422,
        ),
        (NAMED_OTHERWISE, "multipart/form-data; boundary=x", 422),
        (b"", "multipart/form-data; boundary=é", 422),
    ],
)
async def test_a_broken_form_is_told(
    api: httpx.AsyncClient, content: bytes, kind: str, status: int
) -> None:
    sent = {b"Content-Type": kind.encode("latin-1")}
    refused = await api.post("/v1/files", content=content, headers=sent)
    assert refused.status_code == status, refused.text


async def test_an_owners_files_have_a_limit_together(settings: Settings) -> None:
    small = settings.model_copy(update={"uploads_max_bytes": 10})
    async with serving(create_app(small, products={"echo": ECHO})) as api:
        assert (await upload(api, "a.txt", b"123456")).status_code == 201
        refused = await upload(api, "b.txt", b"123456")
        assert (refused.status_code, refused.json()["code"]) == (413, "file_too_large")
        assert (await upload(api, "a.txt", b"123456")).status_code == 200


@pytest.fixture
def magazine(tmp_path: Path) -> Path:
    """Make a folder of posts with a picture, such as a person has at home."""
    from PIL import Image

    folder = tmp_path / "나의 글"
    (folder / "pics").mkdir(parents=True)
    Image.new("RGB", (320, 200), (200, 80, 40)).save(folder / "pics" / "a.png")
    for number in range(1, 5):
        text = f"# 가을 {number}\n\n![숲](pics/a.png)\n\n" + f"{number}번째 숲길을 걸었다. " * 30
        (folder / f"{number}.md").write_text(text)
    (folder / "broken.json").write_text("{")
    return folder


def as_zip(folder: Path) -> bytes:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    inside = {str(path.relative_to(folder.parent)): path.read_bytes() for path in files}
    return zipped(inside)


async def test_a_run_of_an_upload_is_the_librarys_run_of_the_same_files(
    settings: Settings, magazine: Path, ended: Ended, tmp_path: Path
) -> None:
    cover = (magazine / "pics" / "a.png").read_bytes()
    posts = [{**POST, "image": str(magazine / "pics" / "a.png")}]
    brief = {"angle": "가을", "sources": str(magazine), "posts": posts}
    at_home = Settings(home=tmp_path / "library")
    library = await Runner(at_home).run("magazine", brief, out=tmp_path / "out")
    assert library.status == "succeeded"
    async with serving(create_app(settings)) as api:
        folder = (await upload(api, "posts.zip", as_zip(magazine))).json()
        picture = (await upload(api, "a.png", cover, "image/png")).json()
        sent = {
            "angle": "가을",
            "sources": folder["reference"],
            "posts": [{**POST, "image": picture["reference"]}],
        }
        expected = await api.post("/v1/estimate", json={"product": "magazine", "brief": sent})
        assert expected.status_code == 200, expected.text
        made = await api.post("/v1/runs", json={"product": "magazine", "brief": sent})
        assert made.status_code == 202, made.text
        run = await ended(api, made.json()["run_id"])
        assert run["status"] == "succeeded", run
        theirs = {one["name"]: one["hash"] for one in run["artifacts"]}
    ours = {one.name: one.hash for one in library.artifacts}
    theirs.pop("run.json")
    ours.pop("run.json")
    assert theirs == ours
    assert len(ours) > 3


async def test_no_path_of_the_server_is_written_anywhere(
    app: FastAPI, api: httpx.AsyncClient, settings: Settings, magazine: Path, ended: Ended
) -> None:
    folder = (await upload(api, "posts.zip", as_zip(magazine))).json()
    sent = {"angle": "가을", "sources": folder["reference"]}
    made = await api.post("/v1/runs", json={"product": "magazine", "brief": sent})
    run = made.json()["run_id"]
    assert (await ended(api, run))["status"] == "succeeded"
    store = app.state.service.store
    where = str(settings.home.resolve())
    for table in metadata.sorted_tables:
        columns = [column for column in table.c if column.name != "out"]
        for row in await store.read(select(*columns)):
            assert where not in repr(row), table.name
    stored = [path for path in (settings.home / "artifacts").rglob("*") if path.is_file()]
    assert stored
    for path in stored:
        assert where.encode() not in path.read_bytes(), path.name
    assert where not in json.dumps((await api.get(f"/v1/runs/{run}")).json())


async def test_a_brief_may_name_only_ones_own_files(api: httpx.AsyncClient) -> None:
    for reference in (f"file:{'0' * 32}", "file:../../etc/passwd", "/etc/passwd", "posts"):
        refused = await api.post(
            "/v1/runs",
            json={"product": "magazine", "brief": {"angle": "가을", "sources": reference}},
        )
        assert refused.status_code in (404, 422), reference
        assert refused.json()["field"] == "brief.sources"


async def test_a_file_that_was_deleted_before_its_run_began_is_named(
    api: httpx.AsyncClient, ended: Ended
) -> None:
    made = (await upload(api, "a.md", ("# 가을\n\n" + POST["text"] * 5).encode())).json()
    asked = {"product": "magazine", "brief": {"angle": "가을", "sources": made["reference"]}}
    later = await api.post("/v1/runs", json={**asked, "after_seconds": 3600})
    run = later.json()["run_id"]
    kept = await api.delete(f"/v1/files/{made['file_id']}")
    assert (kept.status_code, kept.json()["code"]) == (409, "file_in_use")
    assert kept.json()["run"] == run
    await api.post(f"/v1/runs/{run}/cancel")
    assert (await api.delete(f"/v1/files/{made['file_id']}")).status_code == 204
    refused = await api.post(f"/v1/runs/{run}/resume")
    assert (refused.status_code, refused.json()["code"]) == (409, "file_deleted")
    assert refused.json()["field"] == "brief.sources"
    assert made["file_id"] in refused.json()["detail"]
    assert (await api.get(f"/v1/runs/{run}")).json()["status"] == "cancelled"
    again = await upload(api, "a.md", ("# 가을\n\n" + POST["text"] * 5).encode())
    assert again.json()["file_id"] == made["file_id"]
    assert (await api.post(f"/v1/runs/{run}/resume")).status_code == 202
    assert (await ended(api, run))["status"] == "succeeded"


async def test_a_run_that_has_read_its_files_is_resumed_without_them(
    api: httpx.AsyncClient, magazine: Path, ended: Ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    composed, fallen = compose.compose_layout, list[bool]()

    def compose_layout(services: Services) -> Node:
        node = composed(services)

        async def falls_once(state: Any) -> Any:
            if not fallen:
                fallen.append(True)
                raise RuntimeError("fell")
            return await node(state)

        return falls_once

    monkeypatch.setattr(graph, "compose_layout", compose_layout)
    folder = (await upload(api, "posts.zip", as_zip(magazine))).json()
    asked = {"product": "magazine", "brief": {"angle": "가을", "sources": folder["reference"]}}
    run = (await api.post("/v1/runs", json=asked)).json()["run_id"]
    assert (await ended(api, run))["status"] == "failed"
    assert (await api.delete(f"/v1/files/{folder['file_id']}")).status_code == 204
    assert (await api.post(f"/v1/runs/{run}/resume")).status_code == 202
    assert (await ended(api, run))["status"] == "succeeded"


async def test_a_request_sent_again_gives_its_run_though_its_file_is_gone(
    api: httpx.AsyncClient, ended: Ended
) -> None:
    made = (await upload(api, "a.md", ("# 가을\n\n" + POST["text"] * 5).encode())).json()
    asked = {"product": "magazine", "brief": {"angle": "가을", "sources": made["reference"]}}
    key = {"Idempotency-Key": "autumn"}
    first = (await api.post("/v1/runs", json=asked, headers=key)).json()
    assert (await ended(api, first["run_id"]))["status"] == "succeeded"
    assert (await api.delete(f"/v1/files/{made['file_id']}")).status_code == 204
    again = await api.post("/v1/runs", json=asked, headers=key)
    assert (again.status_code, again.json()["run_id"]) == (202, first["run_id"])
    other = await api.post("/v1/runs", json={**asked, "timeout_s": 60}, headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    fresh = await api.post("/v1/runs", json=asked)
    assert (fresh.status_code, fresh.json()["code"]) == (404, "unknown_file")


async def test_a_finished_run_is_changed_without_the_files_that_it_has_read(
    api: httpx.AsyncClient, magazine: Path, ended: Ended
) -> None:
    folder = (await upload(api, "posts.zip", as_zip(magazine))).json()
    brief = {"angle": "가을", "sources": folder["reference"]}
    asked = {"product": "magazine", "brief": brief, "flags": {"mode": "multi_stage"}}
    first = await ended(api, (await api.post("/v1/runs", json=asked)).json()["run_id"])
    assert first["status"] == "succeeded"
    assert (await api.delete(f"/v1/files/{folder['file_id']}")).status_code == 204
    made = await api.post(
        f"/v1/runs/{first['run_id']}/changes/rewrite",
        json={"request": {"section_id": "s2", "note": "더 짧게"}},
    )
    assert made.status_code == 202, made.text
    assert (await ended(api, made.json()["run_id"]))["status"] == "succeeded"


async def test_uploads_at_one_time_do_not_meet(api: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(upload(api, "a.txt", b"x" * 1000) for _ in range(8)))
    assert sorted(one.status_code for one in answers) == [200] * 7 + [201]
    assert len({one.json()["file_id"] for one in answers}) == 1
