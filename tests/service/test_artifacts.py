"""A run's files: whole, unaltered, harmless to look at."""

from __future__ import annotations

import hashlib
import io
import zipfile
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI

from fabula.settings import Settings
from fabula.store.documents import StoredArtifacts
from fabula.store.engine import Fence
from tests.service.live import ended, posted


@pytest.fixture
async def run(api: httpx.AsyncClient) -> str:
    made = await posted(api)
    await ended(api, made)
    return made


async def put(app: FastAPI, run: str, name: str, data: bytes, media_type: str) -> None:
    store = app.state.service.store
    await StoredArtifacts(store, Fence(run, 1)).put(name, data, media_type)


async def test_each_listed_file_is_what_its_hash_says(api: httpx.AsyncClient, run: str) -> None:
    listed = (await api.get(f"/v1/runs/{run}/artifacts")).json()["artifacts"]
    assert [one["name"] for one in listed] == ["result.json", "run.json"]
    for one in listed:
        answer = await api.get(one["url"])
        assert answer.status_code == 200
        assert hashlib.sha256(answer.content).hexdigest() == one["hash"]
        assert len(answer.content) == one["size"]
        assert answer.headers["etag"] == f'"{one["hash"]}"'
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_file_that_is_known_is_not_sent_again(api: httpx.AsyncClient, run: str) -> None:
    address = f"/v1/runs/{run}/artifacts/result.json"
    etag = (await api.get(address)).headers["etag"]
    for known in (etag, f'"other", W/{etag}', "*"):
        answer = await api.get(address, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b"")
    assert (await api.get(address, headers={"If-None-Match": '"other"'})).status_code == 200


async def test_a_page_may_run_nothing_and_send_nothing(
    api: httpx.AsyncClient, app: FastAPI, run: str
) -> None:
    await put(app, run, "그림/쪽.html", b"<script>alert(1)</script>", "text/html")
    answer = await api.get(f"/v1/runs/{run}/artifacts/{quote('그림/쪽.html')}")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox;")
    assert "allow-scripts" not in policy
    assert "default-src 'none'" in policy
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-disposition"] == f"inline; filename*=UTF-8''{quote('쪽.html')}"


@pytest.mark.parametrize(
    ("media_type", "download", "way"),
    [
        ("image/png", False, "inline"),
        ("image/png", True, "attachment"),
        ("application/zip", False, "attachment"),
        ("application/x-thing", False, "attachment"),
    ],
)
async def test_what_a_browser_cannot_show_is_saved(
    api: httpx.AsyncClient, app: FastAPI, run: str, *, media_type: str, download: bool, way: str
) -> None:
    await put(app, run, "a.bin", b"x", media_type)
    address = f"/v1/runs/{run}/artifacts/a.bin"
    answer = await api.get(address, params={"download": download})
    assert answer.headers["content-disposition"].partition(";")[0] == way


@pytest.mark.parametrize(
    "name",
    [
        "../../fabula.db",
        "..%2f..%2ffabula.db",
        "%2e%2e/%2e%2e/fabula.db",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "result.json/",
        "result.json%00",
        "nothing",
        "..\\..\\fabula.db",
        "a" * 5000,
    ],
)
async def test_no_name_leads_out_of_the_run(api: httpx.AsyncClient, run: str, name: str) -> None:
    answer = await api.get(f"http://127.0.0.1/v1/runs/{run}/artifacts/{name}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_zip_holds_every_file_and_is_always_the_same(
    api: httpx.AsyncClient, app: FastAPI, run: str
) -> None:
    await put(app, run, "그림/a.png", b"\x00" * 300_000, "image/png")
    first, second = [await api.get(f"/v1/runs/{run}/artifacts.zip") for _ in range(2)]
    assert first.headers["content-type"] == "application/zip"
    assert first.content == second.content
    listed = (await api.get(f"/v1/runs/{run}/artifacts")).json()["artifacts"]
    with zipfile.ZipFile(io.BytesIO(first.content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [one["name"] for one in listed]
        for one in listed:
            assert hashlib.sha256(archive.read(one["name"])).hexdigest() == one["hash"]
    known = {"If-None-Match": first.headers["etag"]}
    assert (await api.get(f"/v1/runs/{run}/artifacts.zip", headers=known)).status_code == 304
    await put(app, run, "b.txt", b"b", "text/plain")
    assert (await api.get(f"/v1/runs/{run}/artifacts.zip", headers=known)).status_code == 200


async def test_a_run_without_files_has_an_empty_zip(api: httpx.AsyncClient) -> None:
    waiting = await posted(api, after_seconds=100)
    answer = await api.get(f"/v1/runs/{waiting}/artifacts.zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == []


async def test_bytes_that_are_gone_are_told_before_anything_is_sent(
    api: httpx.AsyncClient, run: str, settings: Settings
) -> None:
    listed = (await api.get(f"/v1/runs/{run}/artifacts")).json()["artifacts"]
    digest = listed[0]["hash"]
    (settings.home / "artifacts" / digest[:2] / digest).unlink()
    for address in (listed[0]["url"], f"/v1/runs/{run}/artifacts.zip"):
        answer = await api.get(address)
        assert (answer.status_code, answer.json()["code"]) == (500, "store")
